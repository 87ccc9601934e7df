"""Pushes new entries of inboxes, from their table stream, to WebSocket subscribers."""

from typing import Any

from event_bus.runtime.inbox import pusher
from event_bus.stores.inboxes import last_positions_in

_pusher = pusher()


def handler(event: dict[str, Any], _context: object) -> None:
    """Pushes a batch of new entries; if it fails, Lambda sends the batch again."""
    _pusher.push_all(last_positions_in(event["Records"]))
