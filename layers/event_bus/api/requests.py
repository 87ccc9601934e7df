"""Requests and responses of the API, independent of their carrier."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from event_bus import json_numbers, strict_json
from event_bus.access.callers import Caller, caller_of, listener_of
from event_bus.access.rate_limits import Allowance, allowance_of
from event_bus.api.body import json_text
from event_bus.api.operation import Operation
from event_bus.api.query import Query
from event_bus.errors import MalformedRequest, NotFound, Reason

MAX_ID_CHARACTERS = 128
"""The longest identifier of any resource."""

_SECURITY_HEADERS = {
    # An answer is data for its caller. It is not cached, and no page runs, frames or embeds it
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
        body: The JSON body, as Python values; None for an answer without one.
        headers: Further headers, with lower-case names.
        text: The body of an answer that is not JSON.
        reason: Why the request, or a part of it, was denied, if it was.
        replayed: Whether it is the kept answer of an earlier request (`Idempotency-Key`).
        listener_id: The subscription that the request created for a listener, if it created one.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    reason: Reason | None = None
    replayed: bool = False
    listener_id: str | None = None

    def all_headers(self) -> dict[str, str]:
        """Returns the headers as they are sent, with those that every answer has."""
        headers = {"content-type": "application/json", **_SECURITY_HEADERS, **self.headers}
        if self.body is None and self.text is None:
            del headers["content-type"]
        return headers

    def content(self) -> str:
        """Returns the body as it is sent."""
        if self.text is not None:
            return self.text
        return "" if self.body is None else json_numbers.dumps(self.body).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request.

    Attributes:
        key: Method and path template of the operation (`GET /events/{id}`).
        operation: The operation, once it is found.
        path: The path, without the query.
        headers: The headers, with lower-case names.
        in_path: The path parameters.
        in_query: The query parameters.
        repeated: The names of query parameters that were sent several times.
        body: The body: text if the carrier decoded it, else bytes.
        id: The identifier of the request.
        ip_address: The address that the request came from, if the carrier knows it.
        api_url: The URL of the API that received the request.
        seconds_left: Returns how many seconds remain until the carrier ends the function, if known.
        authenticate: Returns the authorizer's context, which names the caller or a reason code.
        identity: The authorizer's context, once `authenticate` was called.
        nonce: The random part of a created resource's id, if the request has an `Idempotency-Key`.
            A repeated request then creates the same resource.
    """

    key: str
    operation: Operation | None = None
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    in_path: Mapping[str, str] = field(default_factory=dict)
    in_query: Mapping[str, str] = field(default_factory=dict)
    repeated: Collection[str] = ()
    body: bytes | str = ""
    id: str = ""
    ip_address: str | None = None
    api_url: str = ""
    seconds_left: Callable[[], float | None] = lambda: None
    authenticate: Callable[[], Mapping[str, str]] = dict
    identity: Mapping[str, str] = field(default_factory=dict)
    nonce: str | None = None

    @property
    def caller(self) -> Caller:
        """The caller, by a key, or by a stream token if the operation accepts one.

        Raises:
            Unauthenticated: The caller is not known.
            Unavailable: The authorizer could not identify the caller now.
            Failure: The authorizer failed.
        """
        found = listener_of if self.operation and self.operation.tokens else caller_of
        return found(self.identity)

    @property
    def allowance(self) -> Allowance | None:
        """The remaining rate of the key, if its requests are counted."""
        return allowance_of(self.identity)

    def left_until(self, before: float) -> float | None:
        """Returns the seconds that the function has left, less a reserve; None if not known.

        Args:
            before: The reserve, in seconds.
        """
        left = self.seconds_left()
        return None if left is None else left - before

    @property
    def resource_id(self) -> str:
        """The identifier in the path.

        Raises:
            NotFound: It is empty or longer than any identifier.
        """
        return self.path_parameter("id")

    def path_parameter(self, name: str) -> str:
        """Returns a parameter of the path.

        Raises:
            NotFound: It is empty or longer than any identifier.
        """
        given = self.in_path.get(name, "")
        if not 1 <= len(given) <= MAX_ID_CHARACTERS:
            raise NotFound(
                f"There is no such resource: an identifier has 1 to {MAX_ID_CHARACTERS} characters."
            )
        return given

    def query(self) -> Query:
        """Returns the query parameters, as the operation declares them.

        Raises:
            MalformedRequest: A parameter is not known, is missing, cannot be read, or was sent
                several times.
        """
        if self.operation is None:
            return Query(self.in_query, ())
        return Query(
            self.in_query,
            self.operation.query,
            members=self.operation.members,
            repeated=self.repeated,
        )

    @property
    def only_new(self) -> bool:
        """Whether the client wants to create something, and to replace nothing (RFC 9110, 13.1.2).

        Raises:
            MalformedRequest: `If-None-Match` names entity tags, which no resource of the API has.
        """
        given = self.headers.get("if-none-match")
        if given not in (None, "*"):
            detail = "must be * or left out: resources have no entity tags"
            raise MalformedRequest.at("if-none-match", detail)
        return given is not None

    def reserved_id(self, prefix: str) -> str | None:
        """Returns the id for the resource that the request creates; None if any will do.

        Args:
            prefix: The prefix of the id, such as `sub`.
        """
        return f"{prefix}_{self.nonce}" if self.nonce else None

    @property
    def has_body(self) -> bool:
        """Whether anything was sent as a body."""
        return bool(self.body)

    def json(self) -> Any:
        """Returns the body, parsed from JSON.

        Raises:
            UnsupportedMediaType: Its media type is not JSON, or its content coding is not gzip.
            TooLarge: It is over `body.MAX_BODY_BYTES`.
            MalformedRequest: It is not valid JSON for the API.
        """
        return strict_json.parse(json_text(self.body, self.headers))

    def json_batch(self) -> Any:
        """Returns the body, parsed from JSON.

        In an array, a `MalformedRequest` takes the place of each element that cannot be read.

        Raises:
            UnsupportedMediaType: Its media type is not JSON, or its content coding is not gzip.
            TooLarge: It is over `body.MAX_BODY_BYTES`.
            MalformedRequest: It is not JSON, or it is not an array and not valid JSON for the API.
        """
        return strict_json.parse_batch(json_text(self.body, self.headers))
