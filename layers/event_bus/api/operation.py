"""The declaration of an operation of the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from event_bus.api.parameters import Header, Parameter
from event_bus.errors import Problem
from event_bus.model.scopes import Scope

FunctionName = Literal[
    "publish", "events", "registry", "keys", "recovery", "inbox", "audit_log", "metrics", "status"
]
"""The functions behind the API, by their folders."""

Tag = Literal[
    "Events",
    "Commands",
    "Event streams",
    "Publishers",
    "Subscribers",
    "Subscriptions",
    "Schemas",
    "Contexts",
    "Keys",
    "Receiving",
    "Dead letters",
    "Replays",
    "Operations",
    "Status",
]
"""The groups of operations in the OpenAPI document."""

Model = Any
"""A pydantic model, a TypedDict or a named type of these, from which a JSON schema is made."""

Content = Model | Mapping[str, Model] | None
"""The body of an answer: JSON of a model, a model for each media type, or nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation of the API. Routes, grants, audit and OpenAPI document follow from it.

    Attributes:
        key: Method and path, as API Gateway writes a route key (`GET /events/{id}`).
        name: The name of the operation in generated clients (`operationId`).
        function: The folder under `functions/` that answers it.
        scope: The scope that a key must have; None if no key is needed.
        tag: The group that it belongs to.
        summary: What it does, in one sentence.
        answers: The body of each successful answer, by status code.
        located: The status codes of the answers that have `Location`.
        action: Its name in the audit log, which begins with the type of the resource.
        admin: Whether it needs an admin key.
        tokens: Whether it takes a stream token in place of a key.
        query: The query parameters.
        members: Whether it takes further query parameters, which are named after members of the
            listed items.
        headers: The headers that change what it does.
        body: The model of the request body.
        body_required: Whether a request must have a body.
        errors: The problems that it may answer with, beside those that follow from the other
            members.
        creates: Whether a repeated request would create or start a second resource. It then takes
            an `Idempotency-Key`.
        audited: Whether the audit log records every request. None stands for every method but GET;
            requests that are denied are always recorded.
        head: Whether HEAD is answered where the method is GET.
    """

    key: str
    name: str
    function: FunctionName
    scope: Scope | None
    tag: Tag
    summary: str
    answers: Mapping[int, Content]
    action: str = ""
    located: tuple[int, ...] = ()
    admin: bool = False
    tokens: bool = False
    query: tuple[Parameter[Any], ...] = ()
    members: bool = False
    headers: tuple[Header, ...] = ()
    body: Model = None
    body_required: bool = True
    errors: tuple[type[Problem], ...] = ()
    creates: bool = False
    audited: bool | None = None
    head: bool = True

    @property
    def method(self) -> str:
        """The HTTP method, in upper case."""
        return self.key.partition(" ")[0]

    @property
    def path(self) -> str:
        """The path, with its parameters in braces."""
        return self.key.partition(" ")[2]

    @property
    def path_parameters(self) -> tuple[str, ...]:
        """The names of the parameters in the path."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))

    @property
    def changes(self) -> bool:
        """Whether its method is meant to change something, so that a request may have a body."""
        return self.method != "GET"

    @property
    def public(self) -> bool:
        """Whether it needs no key."""
        return self.scope is None

    @property
    def methods(self) -> tuple[str, ...]:
        """The HTTP methods that reach it (HEAD as well as GET, RFC 9110, section 9.3.2)."""
        return ("GET", "HEAD") if self.method == "GET" and self.head else (self.method,)

    @property
    def recorded(self) -> bool:
        """Whether the audit log records every request, and not only those that are denied."""
        if self.public:
            return False
        return self.method != "GET" if self.audited is None else self.audited
