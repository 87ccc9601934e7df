"""Pushes what comes into inboxes to the clients that are connected (their table's stream)."""

from typing import Any

from event_bus.runtime.inbox import pusher
from event_bus.stores.inboxes import last_positions_in

_pusher = pusher()


def handler(event: dict[str, Any], _context: object) -> None:
    """Takes new entries of inboxes; if it fails, Lambda calls it with the batch again."""
    _pusher.push_all(last_positions_in(event["Records"]))
