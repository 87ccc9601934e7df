"""Every route of the API, and the function that answers it.

The one place that names them: the API stack makes its routes from this table, the handlers are
checked against it, and the OpenAPI document describes it.
"""

from dataclasses import dataclass
from typing import Literal

FunctionName = Literal["publish", "events", "registry", "recovery", "inbox", "status"]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API.

    Attributes:
        method: The HTTP method, upper case.
        path: The path with its parameters in braces, as API Gateway writes it.
        function: The folder under `functions/` that answers it.
        public: True where no key is asked for.
    """

    method: str
    path: str
    function: FunctionName
    public: bool = False

    @property
    def key(self) -> str:
        """The `routeKey` that API Gateway puts into the function's event."""
        return f"{self.method} {self.path}"


ROUTES: tuple[Route, ...] = (
    Route("POST", "/events", "publish"),
    Route("GET", "/events", "events"),
    Route("GET", "/events/{id}", "events"),
    Route("POST", "/events/{id}/replay", "recovery"),
    Route("POST", "/replays", "recovery"),
    Route("GET", "/replays", "recovery"),
    Route("GET", "/replays/{id}", "recovery"),
    Route("DELETE", "/replays/{id}", "recovery"),
    Route("GET", "/dead-letters", "recovery"),
    Route("POST", "/dead-letters/retry", "recovery"),
    Route("GET", "/dead-letters/{id}", "recovery"),
    Route("POST", "/dead-letters/{id}/retry", "recovery"),
    Route("DELETE", "/dead-letters/{id}", "recovery"),
    Route("POST", "/publishers", "registry"),
    Route("GET", "/publishers", "registry"),
    Route("GET", "/publishers/{id}", "registry"),
    Route("DELETE", "/publishers/{id}", "registry"),
    Route("POST", "/subscriptions", "registry"),
    Route("GET", "/subscriptions", "registry"),
    Route("GET", "/subscriptions/{id}", "registry"),
    Route("PATCH", "/subscriptions/{id}", "registry"),
    Route("DELETE", "/subscriptions/{id}", "registry"),
    Route("GET", "/subscriptions/{id}/events", "inbox"),
    Route("POST", "/subscriptions/{id}/ack", "inbox"),
    Route("GET", "/subscriptions/{id}/stream", "inbox"),
    Route("POST", "/subscriptions/{id}/stream-tokens", "inbox"),
    Route("GET", "/stream", "inbox"),
    Route("POST", "/stream-tokens", "inbox"),
    Route("GET", "/health/live", "status", public=True),
    Route("GET", "/health/ready", "status", public=True),
    Route("GET", "/health/broker", "status", public=True),
    Route("GET", "/health/database", "status", public=True),
    Route("GET", "/openapi.json", "status", public=True),
)
