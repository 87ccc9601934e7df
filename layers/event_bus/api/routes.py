"""Every route of the API, and the function that answers it.

The one place that names them: the API stack makes its routes from this table, the handlers are
checked against it, and the OpenAPI document describes it.
"""

from dataclasses import dataclass
from typing import Literal

from event_bus.security.scopes import Scope

FunctionName = Literal["publish", "events", "registry", "keys", "recovery", "inbox", "status"]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API.

    Attributes:
        method: The HTTP method, upper case.
        path: The path with its parameters in braces, as API Gateway writes it.
        function: The folder under `functions/` that answers it.
        scope: What a key must permit; None where no key is asked for.
        admin: Whether an admin key is asked for, whatever another one permits.
        tokens: Whether a stream token will do in a key's place.
    """

    method: str
    path: str
    function: FunctionName
    scope: Scope | None
    admin: bool = False
    tokens: bool = False

    @property
    def key(self) -> str:
        """The `routeKey` that API Gateway puts into the function's event."""
        return f"{self.method} {self.path}"

    @property
    def public(self) -> bool:
        """Whether it is answered to anyone."""
        return self.scope is None


ROUTES: tuple[Route, ...] = (
    Route("POST", "/events", "publish", "publish"),
    Route("GET", "/events", "events", "read"),
    Route("GET", "/events/{id}", "events", "read"),
    Route("POST", "/events/{id}/replay", "recovery", "recover"),
    Route("POST", "/replays", "recovery", "recover"),
    Route("GET", "/replays", "recovery", "read"),
    Route("GET", "/replays/{id}", "recovery", "read"),
    Route("DELETE", "/replays/{id}", "recovery", "recover"),
    Route("GET", "/dead-letters", "recovery", "read"),
    Route("POST", "/dead-letters/retry", "recovery", "recover"),
    Route("GET", "/dead-letters/{id}", "recovery", "read"),
    Route("POST", "/dead-letters/{id}/retry", "recovery", "recover"),
    Route("DELETE", "/dead-letters/{id}", "recovery", "recover"),
    Route("POST", "/publishers", "registry", "manage", admin=True),
    Route("GET", "/publishers", "registry", "read"),
    Route("GET", "/publishers/{id}", "registry", "read"),
    Route("DELETE", "/publishers/{id}", "registry", "manage", admin=True),
    Route("POST", "/publishers/{id}/keys", "keys", "manage"),
    Route("GET", "/publishers/{id}/keys", "keys", "manage"),
    Route("DELETE", "/publishers/{id}/keys/{key_id}", "keys", "manage"),
    Route("POST", "/publishers/{id}/keys/{key_id}/rotate", "keys", "manage"),
    Route("POST", "/subscribers/{id}/keys", "keys", "manage"),
    Route("GET", "/subscribers/{id}/keys", "keys", "manage"),
    Route("DELETE", "/subscribers/{id}/keys/{key_id}", "keys", "manage"),
    Route("POST", "/subscribers/{id}/keys/{key_id}/rotate", "keys", "manage"),
    Route("POST", "/subscriptions", "registry", "manage"),
    Route("GET", "/subscriptions", "registry", "read"),
    Route("GET", "/subscriptions/{id}", "registry", "read"),
    Route("PATCH", "/subscriptions/{id}", "registry", "manage"),
    Route("DELETE", "/subscriptions/{id}", "registry", "manage"),
    Route("POST", "/subscriptions/{id}/secret/rotate", "registry", "manage"),
    Route("GET", "/subscriptions/{id}/events", "inbox", "receive"),
    Route("POST", "/subscriptions/{id}/ack", "inbox", "receive"),
    Route("GET", "/subscriptions/{id}/stream", "inbox", "receive", tokens=True),
    Route("POST", "/subscriptions/{id}/stream-tokens", "inbox", "receive"),
    Route("GET", "/stream", "inbox", "receive", tokens=True),
    Route("POST", "/stream-tokens", "inbox", "receive"),
    Route("GET", "/health/live", "status", None),
    Route("GET", "/health/ready", "status", None),
    Route("GET", "/health/broker", "status", None),
    Route("GET", "/health/database", "status", None),
    Route("GET", "/openapi.json", "status", None),
)

BY_KEY = {route.key: route for route in ROUTES}
"""The routes by their keys."""
