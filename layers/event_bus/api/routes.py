"""Every route of the API, and the function that answers it.

The one place that names them: the API stack makes its routes from this table, the handlers are
checked against it, and the OpenAPI document describes it.
"""

from dataclasses import dataclass
from typing import Literal

from event_bus.model.scopes import Scope

FunctionName = Literal[
    "publish", "events", "registry", "keys", "recovery", "inbox", "audit_log", "metrics", "status"
]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API.

    Attributes:
        method: The HTTP method, upper case.
        path: The path with its parameters in braces, as API Gateway writes it.
        function: The folder under `functions/` that answers it.
        scope: What a key must permit; None where no key is asked for.
        action: What the audit log calls it; the type of what it is done to comes first.
        admin: Whether an admin key is asked for, whatever another one permits.
        tokens: Whether a stream token will do in a key's place.
    """

    method: str
    path: str
    function: FunctionName
    scope: Scope | None
    action: str = ""
    admin: bool = False
    tokens: bool = False

    @property
    def key(self) -> str:
        """The `routeKey` that API Gateway puts into the function's event."""
        return f"{self.method} {self.path}"

    @property
    def audited(self) -> bool:
        """Whether the audit log tells of it, and not only of who was refused.

        Accepted events are told of where they are stored; to acknowledge them is part of receiving.
        """
        unheard = ("event.publish", "inbox.acknowledge")
        changes = self.method != "GET" and self.action not in unheard
        return not self.public and (changes or self.action == "audit_log.read")

    @property
    def creates(self) -> bool:
        """Whether a repeated request would create or start a second one.

        An event has an id of its own, an acknowledgement can be repeated, and a stream token ends
        by itself.
        """
        return self.method == "POST" and self.function in ("registry", "keys", "recovery")

    @property
    def public(self) -> bool:
        """Whether it is answered to anyone."""
        return self.scope is None

    @property
    def methods(self) -> tuple[str, ...]:
        """The HTTP methods that reach it: HEAD, too, where a GET only reads (RFC 9110, 9.3.2).

        A GET of an inbox waits for events and leases them, which a HEAD must not.
        """
        return (
            ("GET", "HEAD") if self.method == "GET" and self.function != "inbox" else (self.method,)
        )


ROUTES: tuple[Route, ...] = (
    Route("POST", "/events", "publish", "publish", "event.publish"),
    Route("GET", "/events", "events", "read", "event.list"),
    Route("GET", "/events/{id}", "events", "read", "event.read"),
    Route("GET", "/events/{id}/trace", "events", "read", "event.trace"),
    Route("GET", "/traces", "events", "read", "trace.read"),
    Route("POST", "/events/{id}/replay", "recovery", "recover", "replay.create"),
    Route("POST", "/replays", "recovery", "recover", "replay.create"),
    Route("GET", "/replays", "recovery", "read", "replay.list"),
    Route("GET", "/replays/{id}", "recovery", "read", "replay.read"),
    Route("DELETE", "/replays/{id}", "recovery", "recover", "replay.cancel"),
    Route("GET", "/dead-letters", "recovery", "read", "dead_letter.list"),
    Route("POST", "/dead-letters/retry", "recovery", "recover", "dead_letter.retry"),
    Route("GET", "/dead-letters/{id}", "recovery", "read", "dead_letter.read"),
    Route("POST", "/dead-letters/{id}/retry", "recovery", "recover", "dead_letter.retry"),
    Route("DELETE", "/dead-letters/{id}", "recovery", "recover", "dead_letter.discard"),
    Route("POST", "/publishers", "registry", "manage", "publisher.create", admin=True),
    Route("GET", "/publishers", "registry", "read", "publisher.list"),
    Route("GET", "/publishers/{id}", "registry", "read", "publisher.read"),
    Route("PATCH", "/publishers/{id}", "registry", "manage", "publisher.change"),
    Route("DELETE", "/publishers/{id}", "registry", "manage", "publisher.delete", admin=True),
    Route("POST", "/publishers/{id}/keys", "keys", "manage", "key.create"),
    Route("GET", "/publishers/{id}/keys", "keys", "manage", "key.list"),
    Route("DELETE", "/publishers/{id}/keys/{key_id}", "keys", "manage", "key.revoke"),
    Route("POST", "/publishers/{id}/keys/{key_id}/rotate", "keys", "manage", "key.rotate"),
    Route("GET", "/subscribers", "registry", "read", "subscriber.list"),
    Route("GET", "/subscribers/{id}", "registry", "read", "subscriber.read"),
    Route("PUT", "/subscribers/{id}", "registry", "manage", "subscriber.put", admin=True),
    Route("DELETE", "/subscribers/{id}", "registry", "manage", "subscriber.delete", admin=True),
    Route("POST", "/subscribers/{id}/keys", "keys", "manage", "key.create"),
    Route("GET", "/subscribers/{id}/keys", "keys", "manage", "key.list"),
    Route("DELETE", "/subscribers/{id}/keys/{key_id}", "keys", "manage", "key.revoke"),
    Route("POST", "/subscribers/{id}/keys/{key_id}/rotate", "keys", "manage", "key.rotate"),
    Route("POST", "/subscriptions", "registry", "manage", "subscription.create"),
    Route("GET", "/subscriptions", "registry", "read", "subscription.list"),
    Route("GET", "/subscriptions/{id}", "registry", "read", "subscription.read"),
    Route("PUT", "/subscriptions/{id}", "registry", "manage", "subscription.put"),
    Route("PATCH", "/subscriptions/{id}", "registry", "manage", "subscription.change"),
    Route("DELETE", "/subscriptions/{id}", "registry", "manage", "subscription.delete"),
    Route(
        "POST",
        "/subscriptions/{id}/secret/rotate",
        "registry",
        "manage",
        "subscription.rotate_secret",
    ),
    Route("GET", "/subscriptions/{id}/events", "inbox", "receive", "inbox.read"),
    Route("POST", "/subscriptions/{id}/ack", "inbox", "receive", "inbox.acknowledge"),
    Route("GET", "/subscriptions/{id}/stream", "inbox", "receive", "inbox.read", tokens=True),
    Route("POST", "/subscriptions/{id}/stream-tokens", "inbox", "receive", "stream_token.create"),
    Route("GET", "/stream", "inbox", "receive", "inbox.read", tokens=True),
    Route("POST", "/stream-tokens", "inbox", "receive", "stream_token.create"),
    Route("GET", "/audit-log", "audit_log", "read", "audit_log.read", admin=True),
    Route("GET", "/metrics", "metrics", "read", "metrics.read", admin=True),
    Route("GET", "/analytics", "metrics", "read", "analytics.read", admin=True),
    Route("GET", "/health/live", "status", None),
    Route("GET", "/health/ready", "status", None),
    Route("GET", "/health/broker", "status", None),
    Route("GET", "/health/database", "status", None),
    Route("GET", "/openapi.json", "status", None),
)

BY_KEY = {route.key: route for route in ROUTES}
"""The routes by their keys."""
