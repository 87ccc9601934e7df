"""Answers requests by the operations of the API."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from event_bus.access.rate_limits import WINDOW_SECONDS, Allowance
from event_bus.api.audit import entry_of
from event_bus.api.operation import Operation
from event_bus.api.requests import Request, Response
from event_bus.errors import (
    Fault,
    Forbidden,
    InvalidRequest,
    NotFound,
    Problem,
    TooManyRequests,
    pointer,
)
from event_bus.failures import problem_of
from event_bus.log import logger
from event_bus.model.audit_chain import Entry
from event_bus.queues.audit_recorder import AuditRecorder
from event_bus.time_limit import OutOfTime, limited

if TYPE_CHECKING:
    from event_bus.api.idempotency import Repetitions

READ_HEADERS = (
    "authorization",
    "content-encoding",
    "content-type",
    "idempotency-key",
    "if-none-match",
    "last-event-id",
    "x-api-key",
)
"""The request headers that the API reads, which web pages may send."""

WRITTEN_HEADERS = (
    "idempotent-replayed",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
)
"""The response headers that web pages may read."""

ANSWER_SECONDS, RECORD_SECONDS = 2.0, 0.7
"""How many seconds before the timeout of the function a request is interrupted, and how many
seconds before it the writing of the audit entry."""

Function = Callable[[Request], Response]
"""Carries out an operation."""


@dataclass(frozen=True, slots=True)
class EndpointPart:
    """Operations of one subject, with the functions that carry them out.

    Attributes:
        functions: The function of each operation, by the operation's key.
    """

    functions: dict[str, tuple[Operation, Function]] = field(default_factory=dict)

    def answers(self, operation: Operation) -> Callable[[Function], Function]:
        """Decorates the function that carries out an operation, and registers it for requests."""

        def add(function: Function) -> Function:
            self.functions[operation.key] = (operation, function)
            return function

        return add


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(EndpointPart):
    """All operations that a function answers.

    Attributes:
        recorder: Records requests in the audit log.
        repetitions: Carries out requests with an `Idempotency-Key`.
    """

    recorder: Callable[[], AuditRecorder]
    repetitions: Callable[[], "Repetitions"]

    def answer(self, request: Request) -> Response:
        """Answers a request; it raises nothing.

        Returns:
            The answer. A refusal or a failure is a problem details object (RFC 9457): 503 if AWS
            did not answer or the time is over, and 500, with a log entry, for a fault of the bus.
        """
        method, _, path = request.key.partition(" ")
        key = f"GET {path}" if method == "HEAD" else request.key
        operation, function = self.functions.get(key, (None, _unknown))
        if operation and method not in operation.methods:
            operation, function = None, _unknown
        request = replace(request, operation=operation)
        try:
            with limited(request.left_until(ANSWER_SECONDS)):
                request = replace(request, identity=request.authenticate())
                response = self._carried_out(request, operation, function)
        except (Exception, OutOfTime) as error:
            response = refusal(problem_of(error, request.id), request)
        entry = entry_of(request, operation, response) if operation else None
        if entry and not response.replayed:
            self._record(entry, request)
        if allowance := request.allowance:
            response.headers.update(_rate_headers(allowance))
        # The access log has every request, so a second line for each would only cost.
        logger.debug("answered", route=key, status=response.status, request_id=request.id)
        return response

    def _record(self, entry: Entry, request: Request) -> None:
        try:
            with limited(request.left_until(RECORD_SECONDS)):
                self.recorder().record(entry)
        except OutOfTime:
            logger.exception("audit entry not sent", entry=entry)

    def _carried_out(
        self, request: Request, operation: Operation | None, function: Function
    ) -> Response:
        if operation is None:
            return function(request)
        if operation.scope:
            caller = request.caller
            if (allowance := request.allowance) and allowance.exceeded:
                raise TooManyRequests(
                    f"The key may make {allowance.quota} requests in {WINDOW_SECONDS} seconds, by "
                    "its rate_limit or the deployment's setting key_rate.",
                    allowance.reset,
                )
            caller.need(operation.scope)
            if operation.admin and not caller.admin:
                raise Forbidden("This operation needs an admin key.", reason="admin")
        # Read before anything is done, because what a client asks for must not be ignored.
        request.query()
        if operation.body is None and operation.changes and request.has_body:
            _refuse_members(request.json())
        if operation.creates and "idempotency-key" in request.headers:
            return self.repetitions().once(request, function)
        return function(request)


def _unknown(_: Request) -> Response:
    raise NotFound("No resource has this path and method; see /openapi.json.")


def _refuse_members(body: object) -> None:
    """Refuses the body of a request that takes none; an empty object says nothing."""
    if not isinstance(body, dict):
        raise InvalidRequest.at("", "must be left out: the operation takes no body")
    if body:
        faults = [Fault(pointer([name]), "is not a known member") for name in body]
        first = f"{faults[0].pointer}: {faults[0].detail}"
        raise InvalidRequest(f"{first}; the operation takes no body", faults)


def _rate_headers(allowance: Allowance) -> dict[str, str]:
    # https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
    return {
        "ratelimit-policy": f'"key";q={allowance.quota};w={WINDOW_SECONDS}',
        "ratelimit": f'"key";r={allowance.left};t={allowance.reset}',
    }


def refusal(problem: Problem, request: Request) -> Response:
    """Returns the answer for a problem: a problem details object (RFC 9457)."""
    document = {**problem.document(), "instance": request.path, "request_id": request.id}
    headers = {"content-type": "application/problem+json", **problem.headers}
    return Response(problem.status, document, headers, reason=problem.reason)
