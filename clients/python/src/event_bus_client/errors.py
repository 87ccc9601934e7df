"""The exceptions of the client, one for each type of problem of the bus."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


class Restorable(Exception):
    """An exception that can be pickled and copied, whatever arguments its constructor takes."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Returns how to make the exception again without its constructor.

        Python's own answer would call the constructor with the message alone.
        """
        return _restored, (type(self), self.args), self.__dict__


def _restored(kind: type[Restorable], arguments: tuple[Any, ...]) -> Restorable:
    """Makes an exception from its arguments."""
    return kind.__new__(kind, *arguments)


class EventBusError(Restorable):
    """The base of the exceptions of this package."""


class ConfigurationError(EventBusError):
    """The URL of the bus or another setting is missing or not valid."""


class ConnectionFailed(EventBusError):
    """No answer came, after all retries. The request may have been carried out."""


class UnexpectedAnswer(ConnectionFailed):
    """The answer is not one of the bus: another server, or something between, may have given it.

    The request may have been carried out.
    """


class NoEvent(EventBusError):
    """An inbox hands out an error in place of an event.

    Attributes:
        code: Why, such as `transform_failed` or `event_unreadable`.
        detail: The reason in a sentence.
    """

    def __init__(self, code: str, detail: str) -> None:
        """Takes the members of the error."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class SignatureError(EventBusError):
    """A webhook is not signed by the secret, or is too old."""


class PublisherClosed(EventBusError):
    """The background publisher was closed, or failed, before the event was given to it."""


class QueueFull(EventBusError):
    """The background publisher's queue is full, and it must not wait."""


@dataclass(frozen=True)
class Fault:
    """One member of a request that is wrong.

    Attributes:
        pointer: A JSON pointer into the body, or the name of a query parameter.
        detail: What is wrong, and what to do.
    """

    pointer: str
    detail: str


class Problem(EventBusError):
    """The bus refused a request (RFC 9457).

    Attributes:
        kind: The last part of the problem's type, such as `invalid-request`.
        status: The HTTP status.
        title: What kind of problem it is, in words.
        detail: What is wrong in this request.
        faults: The members that are wrong, if single members are.
        request_id: Finds the request in the logs of the bus; None if the answer has none.
        retry_after: The seconds to wait before the request is sent again; None if the answer has
            no `Retry-After`.
        document: All members of the answer; empty if it is not a JSON object.
    """

    kinds: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        *,
        kind: str,
        status: int,
        title: str,
        detail: str,
        faults: tuple[Fault, ...] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
        document: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.kind = kind
        self.status = status
        self.title = title
        self.detail = detail
        self.faults = faults
        self.request_id = request_id
        self.retry_after = retry_after
        self.document = document or {}

    @property
    def instance(self) -> str | None:
        """The path of the request; None if the answer has none."""
        instance = self.document.get("instance")
        return instance if isinstance(instance, str) else None


class MalformedRequest(Problem):
    """400: the body, a parameter or a cursor cannot be read."""

    kinds = ("malformed-request",)


class Unauthenticated(Problem):
    """401: there is no key, or an unknown one."""

    kinds = ("unauthenticated",)


class Forbidden(Problem):
    """403: the key does not permit this."""

    kinds = ("forbidden",)


class NotFound(Problem):
    """404: there is no such resource, or none that the key may see."""

    kinds = ("not-found",)


class Conflict(Problem):
    """409: the request contradicts what is stored."""

    kinds = ("conflict",)


class VersionConflict(Conflict):
    """409: a stream has another version than the one that was expected."""

    kinds = ("version-conflict",)

    @property
    def actual_version(self) -> int | None:
        """The version of the stream; None if the answer has none."""
        version = self.document.get("actual_version")
        return version if isinstance(version, int) else None


class PreconditionFailed(Problem):
    """412: the resource exists already."""

    kinds = ("precondition-failed",)


class TooLarge(Problem):
    """413: the body or a payload is over its limit."""

    kinds = ("too-large",)


class UnsupportedMediaType(Problem):
    """415: the content type or encoding is not accepted."""

    kinds = ("unsupported-media-type",)


class InvalidRequest(Problem):
    """422: members are missing, unknown or wrong; `faults` says which."""

    kinds = ("invalid-request",)


class TooManyRequests(Problem):
    """429: the key makes too many requests."""

    kinds = ("too-many-requests",)


class ServerError(Problem):
    """500 and above: the bus failed or is not available."""


class InternalError(ServerError):
    """500: the bus has a fault; it is logged."""

    kinds = ("internal-error",)


class Unavailable(ServerError):
    """503: the bus cannot carry out the request now; `retry_after` says when to repeat it."""

    kinds = ("unavailable",)


_ALL: tuple[type[Problem], ...] = (
    *Problem.__subclasses__(),
    VersionConflict,
    InternalError,
    Unavailable,
)
_BY_KIND = {kind: each for each in _ALL for kind in each.kinds}
_BY_STATUS: Mapping[int, type[Problem]] = {
    400: MalformedRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    413: TooLarge,
    415: UnsupportedMediaType,
    422: InvalidRequest,
    429: TooManyRequests,
    500: InternalError,
    503: Unavailable,
}


_NOT_CALLED = " It could not call the bus, or got no answer from it."
_GATEWAY: Mapping[int, str] = {
    403: " Is this the URL of the bus?",
    404: " Is this the URL of the bus?",
    429: " All requests to the bus together are too many.",
    500: _NOT_CALLED,
    503: _NOT_CALLED,
    504: _NOT_CALLED,
}
"""What API Gateway means by an answer of its own, by status."""


def problem(
    status: int,
    document: object,
    *,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> Problem:
    """Makes the exception for an answer.

    Args:
        status: Its HTTP status.
        document: Its body, parsed; it need not be problem details, because API Gateway also answers
            some requests itself.
        request_id: The request's id, if a header has it.
        retry_after: Its `Retry-After`, in seconds.
    """
    members: Mapping[str, Any] = document if isinstance(document, dict) else {}
    kind = str(members.get("type", "")).rpartition(":")[2]
    fallback = _BY_STATUS.get(status, ServerError if status >= 500 else Problem)
    listed = members.get("errors")
    faults = tuple(
        Fault(str(each.get("pointer", "")), str(each.get("detail", "")))
        for each in (listed if isinstance(listed, list) else [])
        if isinstance(each, dict)
    )
    detail = str(members.get("detail", ""))
    if "message" in members and not kind:
        detail = f"API Gateway gave this answer, not the bus.{_GATEWAY.get(status, '')}"
    return _BY_KIND.get(kind, fallback)(
        kind=kind,
        status=status,
        title=str(members.get("title") or members.get("message") or "The request failed"),
        detail=detail,
        faults=faults,
        request_id=str(members["request_id"]) if members.get("request_id") else request_id,
        retry_after=retry_after,
        document=members,
    )
