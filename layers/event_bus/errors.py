"""The ways a request can be refused, each with its HTTP status (RFC 9457 problem details)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

Reason = Literal[
    "no_key",
    "bad_key",
    "bad_token",
    "unknown_principal",
    "scope",
    "admin",
    "other_service",
    "event_type",
    "stream_category",
    "receive_type",
]
"""Reason codes for 401 and 403 responses.

- `no_key`, `bad_key`, `bad_token`: there is no key, or the key or the stream token is not valid.
- `unknown_principal`: the certificate, role or user stands for no service.
- `scope`: the scopes of the key, or the limits of the token, do not permit this.
- `admin`: the request needs an admin key.
- `other_service`: only another service may do this.
- `event_type`: the service is not registered to publish the type.
- `stream_category`: the service may not append to streams of the category.
- `receive_type`: the service may not receive the type.
"""


MAX_FAULTS = 50
"""The number of faults that a problem document lists; its `detail` counts the others."""

MAX_TEXT_CHARACTERS = 1_000
"""The longest text of a problem document, which may quote a text of any length."""


def pointer(path: Sequence[str | int]) -> str:
    """Returns the JSON pointer (RFC 6901) of a path."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def sentence(detail: str) -> str:
    """Returns the detail of a fault as a sentence of its own."""
    return f"{detail[0].upper()}{detail[1:]}."


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a request.

    Attributes:
        pointer: Where: a JSON pointer (RFC 6901) into the body, or the name of a parameter.
        detail: What is wrong, and what to send instead.
    """

    pointer: str
    detail: str

    def document(self) -> dict[str, str]:
        """Returns the fault as an answer shows it."""
        return {"pointer": _shortened(self.pointer), "detail": _shortened(self.detail)}


class Problem(Exception):
    """A request that is refused, or that the bus cannot carry out.

    Attributes:
        status: The HTTP status code.
        kind: The last part of the problem's type URI.
        title: The kind in words, the same for every occurrence.
        reason: The reason code, if the caller was denied.
        detail: What is wrong with this request, in a sentence.
        faults: The single faults, each with the place in the request.
        headers: Further headers of the answer, with lower-case names.
    """

    status: ClassVar[int]
    kind: ClassVar[str]
    title: ClassVar[str]
    reason: Reason | None = None

    def __init__(
        self,
        detail: str,
        faults: Sequence[Fault] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = headers or {}

    @classmethod
    def overtaken(cls, subject: str) -> Self:
        """Returns the refusal of a change that other requests overtook in every attempt."""
        return cls(f"Other requests changed {subject} at the same time; send the request again.")

    def document(self) -> dict[str, Any]:
        """Returns the members of the problem details object, `instance` aside."""
        document: dict[str, Any] = {
            "type": f"urn:event-bus:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": _shortened(self.detail),
        }
        if self.faults:
            document["errors"] = [fault.document() for fault in self.faults[:MAX_FAULTS]]
        return document


def _shortened(text: str) -> str:
    if len(text) <= MAX_TEXT_CHARACTERS:
        return text
    return f"{text[: MAX_TEXT_CHARACTERS - 1]}…"


class MalformedRequest(Problem):
    """The body is not JSON as the API reads it, or a parameter or header cannot be read."""

    status, kind, title = 400, "malformed-request", "The request cannot be read"

    @classmethod
    def at(cls, name: str, detail: str) -> "MalformedRequest":
        """Returns the refusal of a single parameter or header."""
        return cls(f"{name}: {detail}.", [Fault(name, detail)])


class Unauthenticated(Problem):
    """There is no key, or it is not valid."""

    status, kind, title = 401, "unauthenticated", "A valid API key is needed"

    def __init__(self, detail: str, *, reason: Reason) -> None:
        super().__init__(detail, headers={"www-authenticate": 'Bearer realm="event-bus"'})
        self.reason = reason


class Forbidden(Problem):
    """The key does not permit the request."""

    status, kind, title = 403, "forbidden", "The key does not permit this"

    def __init__(self, detail: str, faults: Sequence[Fault] = (), *, reason: Reason) -> None:
        super().__init__(detail, faults)
        self.reason = reason

    @classmethod
    def at(cls, pointer: str, detail: str, reason: Reason) -> "Forbidden":
        """Returns the refusal of a single member or parameter.

        Args:
            pointer: The JSON pointer of the member, or the name of the parameter.
            detail: What is wrong, and what to send instead, in a sentence that begins with the
                pointer and has no full stop.
            reason: The reason code.
        """
        return cls(f"{pointer} {detail}.", [Fault(pointer, detail)], reason=reason)


class NotFound(Problem):
    """There is no such resource, or none that the caller may see."""

    status, kind, title = 404, "not-found", "There is no such resource"

    @classmethod
    def of(cls, what: str, more: str = "") -> "NotFound":
        """Returns the refusal of a resource that does not exist, or that the caller may not see.

        Args:
            what: The kind and the id of the resource.
            more: A further sentence.
        """
        return cls(f"There is no {what}, or none that this key may see.{more and ' ' + more}")


class Conflict(Problem):
    """The request contradicts what is stored."""

    status, kind, title = 409, "conflict", "The request conflicts with what is stored"

    @staticmethod
    def at(pointer: str, detail: str) -> "Conflict":
        """Returns the refusal of a single member or parameter.

        Args:
            pointer: The JSON pointer of the member, or the name of the parameter.
            detail: What is wrong, in a whole sentence without its full stop.
        """
        return Conflict(f"{detail}.", [Fault(pointer, detail)])


class VersionConflict(Conflict):
    """A stream does not have the version that the publisher expects."""

    kind, title = "version-conflict", "The stream has another version"

    def __init__(self, detail: str, faults: Sequence[Fault], *, actual_version: int) -> None:
        super().__init__(detail, faults)
        self.actual_version = actual_version

    def document(self) -> dict[str, Any]:
        """Returns the members of the problem details object, `instance` aside."""
        return {**super().document(), "actual_version": self.actual_version}


class PreconditionFailed(Problem):
    """A header of the request demands another state than the stored one."""

    status, kind, title = 412, "precondition-failed", "The resource is in another state"


class TooLarge(Problem):
    """The body or the payload is over its limit."""

    status, kind, title = 413, "too-large", "The request is too large"


class UnsupportedMediaType(Problem):
    """The API does not read bodies of this type."""

    status, kind, title = 415, "unsupported-media-type", "The body's media type is not supported"


class InvalidRequest(Problem):
    """The body can be read, but a member of it is not valid."""

    status, kind, title = 422, "invalid-request", "The request is not valid"

    @classmethod
    def at(cls, pointer: str, detail: str) -> "InvalidRequest":
        """Returns the refusal of a single member.

        Args:
            pointer: The JSON pointer of the member; empty for the whole body.
            detail: What is wrong, and what to send instead.
        """
        return cls(f"{pointer or 'the body'}: {detail}", [Fault(pointer, detail)])


class TooManyRequests(Problem):
    """The key has used up its requests, or too many requests of its service wait."""

    status, kind, title = 429, "too-many-requests", "Too many requests"

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail, headers={"retry-after": str(retry_after_seconds)})


class Unavailable(Problem):
    """The bus cannot carry out a request now, such as while AWS does not answer; send it again."""

    status, kind, title = 503, "unavailable", "The bus cannot answer now"

    def __init__(self, detail: str, retry_after_seconds: int = 1) -> None:
        super().__init__(detail, headers={"retry-after": str(retry_after_seconds)})


class EvaluatorNotStarted(Unavailable):
    """The process that evaluates expressions did not start, for which no expression is to blame.

    Attributes:
        cause: The reason in a sentence, for records of the failure.
    """

    cause = "the process that evaluates expressions did not start"

    def __init__(self) -> None:
        super().__init__(
            "The process that evaluates expressions did not start; send the request again."
        )


class Failure(Problem):
    """A fault of the bus itself."""

    status, kind, title = 500, "internal-error", "The bus failed to answer"
