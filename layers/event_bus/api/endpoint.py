"""The way of a request through a function: read it, have it answered, write the answer.

API Gateway has chosen the route by then; a function maps the routes that it serves to operations.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from event_bus import strict_json
from event_bus.access.callers import Caller, caller_of, listener_of
from event_bus.access.rate_limits import WINDOW_SECONDS, Allowance, allowance_of
from event_bus.api import audit
from event_bus.api.body import json_text
from event_bus.api.routes import BY_KEY
from event_bus.errors import (
    Fault,
    Forbidden,
    MalformedRequest,
    NotFound,
    Problem,
    Reason,
    TooManyRequests,
)
from event_bus.failures import problem_of
from event_bus.log import logger

MAX_PARAMETER_CHARACTERS = 500
"""The longest parameter of a query: as a key, DynamoDB takes 2,048 bytes."""

MAX_ID_CHARACTERS = 128
"""The longest identifier that anything has."""

READ_HEADERS = (
    "authorization",
    "content-encoding",
    "content-type",
    "idempotency-key",
    "if-none-match",
    "last-event-id",
    "x-api-key",
)
"""The headers of requests that say something to the API, as far as pages may send them."""

WRITTEN_HEADERS = (
    "idempotent-replayed",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
)
"""The headers of answers that pages may read."""

_SECURITY_HEADERS = {
    # What is answered is data for its caller: kept by nobody, and run, framed or embedded nowhere
    # (https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html).
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    Attributes:
        status: The HTTP status code.
        body: What becomes the JSON body; None for an answer without one.
        headers: Further headers, with lower-case names.
        text: The body of an answer that is no JSON.
        reason: Why what was asked for, or a part of it, was denied, if it was.
        replayed: Whether it was given before, to the same request.
        listener_id: The subscription that was made for who listens without one, if one was.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    reason: Reason | None = None
    replayed: bool = False
    listener_id: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request as API Gateway hands it over (payload format 2.0).

    Attributes:
        event: The function's event.
        nonce: What the identifier of what is created is made of, where it must be the same if the
            request is carried out once more.
    """

    event: Mapping[str, Any]
    nonce: str | None = None

    @property
    def caller(self) -> Caller:
        """Who makes the request; where the route takes stream tokens, perhaps by one.

        Raises:
            Unauthenticated: No one who is known.
        """
        route = BY_KEY.get(self.event["routeKey"])
        found = listener_of if route and route.tokens else caller_of
        return found(self.found_out)

    @property
    def found_out(self) -> dict[str, str]:
        """What was found out about the caller, before the function or by it."""
        authorizer = self.event["requestContext"].get("authorizer") or {}
        if identity := authorizer.get("iam"):
            # Where there are such callers, and nowhere else, functions know how to find them.
            from event_bus.access.iam_callers import context_of  # noqa: PLC0415

            # Where an authorizer would have put it: it is looked for, and counted, once.
            if "lambda" not in authorizer:
                authorizer["lambda"] = context_of(identity)
        return authorizer.get("lambda") or {}

    @property
    def allowance(self) -> Allowance | None:
        """What the key is allowed, if its requests are counted."""
        return allowance_of(self.found_out)

    @property
    def id(self) -> str:
        """The identifier that API Gateway gave the request."""
        return str(self.event["requestContext"].get("requestId", ""))

    @property
    def ip_address(self) -> str | None:
        """The address that the request came from, as API Gateway saw it."""
        address: str | None = self.event["requestContext"].get("http", {}).get("sourceIp")
        return address

    @property
    def path(self) -> str:
        """The path, without the query."""
        return str(self.event.get("rawPath", "/"))

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, with lower-case names."""
        return self.event.get("headers") or {}

    @property
    def resource_id(self) -> str:
        """The identifier in the path.

        Raises:
            NotFound: It is longer than any identifier, and so names nothing.
        """
        return self._in_path("id")

    @property
    def key_id(self) -> str:
        """The identifier of a key in the path.

        Raises:
            NotFound: It is longer than any identifier, and so names nothing.
        """
        return self._in_path("key_id")

    def _in_path(self, name: str) -> str:
        given = str((self.event.get("pathParameters") or {}).get(name, ""))
        if len(given) > MAX_ID_CHARACTERS:
            raise NotFound("There is no resource with so long an identifier.")
        return given

    def query(self, *known: str) -> dict[str, str]:
        """The parameters of the query.

        Args:
            known: The names that the operation knows.

        Raises:
            MalformedRequest: A parameter is not known, empty or too long.
        """
        given = dict(self.event.get("queryStringParameters") or {})
        others = f"known are {', '.join(sorted(known))}" if known else "there are no parameters"
        faults = [
            Fault(name, f"is not known here; {others}") for name in given if name not in known
        ]
        faults += [
            Fault(name, f"must have 1 to {MAX_PARAMETER_CHARACTERS} characters")
            for name, value in given.items()
            if not 1 <= len(value) <= MAX_PARAMETER_CHARACTERS
        ]
        if faults:
            raise MalformedRequest(f"{faults[0].pointer}: {faults[0].detail}.", faults)
        return given

    @property
    def only_new(self) -> bool:
        """Whether the client wants to create something, and to replace nothing (RFC 9110, 13.1.2).

        Raises:
            MalformedRequest: `If-None-Match` names tags; nothing here has any.
        """
        given = self.headers.get("if-none-match")
        if given not in (None, "*"):
            detail = "must be * or left out: resources have no entity tags"
            raise MalformedRequest(f"if-none-match {detail}.", [Fault("if-none-match", detail)])
        return given is not None

    def reserved_id(self, prefix: str) -> str | None:
        """The identifier that what the request creates must have, if it must have one."""
        return f"{prefix}_{self.nonce}" if self.nonce else None

    @property
    def body(self) -> str:
        """The body as API Gateway hands it over."""
        return self.event.get("body") or ""

    @property
    def has_body(self) -> bool:
        """Whether anything was sent as a body."""
        return bool(self.body)

    def json(self) -> Any:
        """The body.

        Raises:
            UnsupportedMediaType: Its media type is not JSON, or its content coding is not gzip.
            TooLarge: It is over `body.MAX_BODY_BYTES`.
            MalformedRequest: It is not JSON that the API reads.
        """
        return strict_json.parse(json_text(self.event, self.headers))

    def json_batch(self) -> Any:
        """The body; in an array a problem stands for each element that cannot be read.

        Raises:
            UnsupportedMediaType: Its media type is not JSON, or its content coding is not gzip.
            TooLarge: It is over `body.MAX_BODY_BYTES`.
            MalformedRequest: It is not JSON, or no array and not JSON that the API reads.
        """
        return strict_json.parse_batch(json_text(self.event, self.headers))


Operation = Callable[[Request], Response]


def answer(event: Mapping[str, Any], operations: Mapping[str, Operation]) -> dict[str, Any]:
    """Answers a request by the operation of its route.

    Args:
        event: The function's event.
        operations: The function's operations by route key (`GET /events/{id}`).

    Returns:
        The function's answer to API Gateway. What goes wrong is a problem details object (RFC
        9457); where AWS did not answer it is a 503, and what nobody foresaw is logged.
    """
    method, _, path = event["routeKey"].partition(" ")
    if method == "HEAD":
        event = {**event, "routeKey": f"GET {path}"}
    request = Request(event)
    try:
        response = _carried_out(request, _operation(event["routeKey"], request, operations))
    except Exception as error:
        response = _refusal(problem_of(error, request.id), request)
    if (route := BY_KEY.get(event["routeKey"])) and not response.replayed:
        audit.tell(event, route, request.found_out, response)
    if allowance := request.allowance:
        response.headers.update(_rate_headers(allowance))
    # By the access log everybody knows; an event at a time, each line costs.
    logger.debug("answered", route=event["routeKey"], status=response.status, request_id=request.id)
    written = _written(response)
    return {**written, "body": ""} if method == "HEAD" else written


def _carried_out(request: Request, operation: Operation) -> Response:
    if "idempotency-key" in request.headers and BY_KEY[request.event["routeKey"]].creates:
        # Requests without a key load nothing of it.
        from event_bus.api.idempotency import repetitions  # noqa: PLC0415

        return repetitions().once(request, operation)
    return operation(request)


def _operation(key: str, request: Request, operations: Mapping[str, Operation]) -> Operation:
    route = BY_KEY.get(key)
    if route is None or key not in operations:
        raise NotFound("No resource has this path and method; see /openapi.json.")
    if route.scope:
        caller = request.caller
        if (allowance := request.allowance) and allowance.exceeded:
            raise TooManyRequests(
                f"The key may make {allowance.quota} requests in {WINDOW_SECONDS} seconds.",
                allowance.reset,
            )
        caller.need(route.scope)
        if route.admin and not caller.admin:
            raise Forbidden("This needs an admin key.", reason="admin")
    return operations[key]


def _rate_headers(allowance: Allowance) -> dict[str, str]:
    # https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
    return {
        "ratelimit-policy": f'"key";q={allowance.quota};w={WINDOW_SECONDS}',
        "ratelimit": f'"key";r={allowance.left};t={allowance.reset}',
    }


def _refusal(problem: Problem, request: Request) -> Response:
    document = {**problem.document(), "instance": request.path, "request_id": request.id}
    headers = {"content-type": "application/problem+json", **problem.headers}
    return Response(problem.status, document, headers, reason=problem.reason)


def _written(response: Response) -> dict[str, Any]:
    written: dict[str, Any] = {
        "statusCode": response.status,
        "headers": {
            "content-type": "application/json",
            **_SECURITY_HEADERS,
            **response.headers,
        },
    }
    if response.text is not None:
        written["body"] = response.text
    elif response.body is None:
        del written["headers"]["content-type"]
        written["body"] = ""
    else:
        written["body"] = orjson.dumps(response.body).decode()
    return written
