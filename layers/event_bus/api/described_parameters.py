"""The parameters of operations, for the OpenAPI document."""

from typing import Any

from event_bus.model.fetching import TURN_SECONDS
from event_bus.paging import DEFAULT_LIMIT, MAX_LIMIT


def query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """A parameter of a query."""
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {"type": "string", **schema},
    }


def whole(name: str, description: str, default: int, least: int, most: int) -> dict[str, Any]:
    """A parameter of a query that is a whole number."""
    return query(name, description, type="integer", minimum=least, maximum=most, default=default)


LIMIT = whole("limit", "How many results an answer holds.", DEFAULT_LIMIT, 1, MAX_LIMIT)
PAGING = (
    LIMIT,
    query("cursor", "`next_cursor` of the page before, with the same filters and key."),
)

LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event that came; the stream goes on behind it.",
    "schema": {"type": "string"},
}

IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "`*` where nothing may be replaced.",
    "schema": {"const": "*"},
}

FORMAT = query(
    "format",
    "JSON, or a diagram of Mermaid as text.",
    enum=["json", "mermaid"],
    default="json",
)

_WAIT = "How many seconds a turn waits for the first event."
TURN = (
    query("token", "A token, for a browser that cannot send a key.", minLength=1),
    whole("wait", _WAIT, TURN_SECONDS, 0, TURN_SECONDS),
)
