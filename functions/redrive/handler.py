"""Makes dead letters of messages in a lane's redrive queue."""

from typing import Any

from event_bus.batches import take_each
from event_bus.runtime import maintenance

_crashed = maintenance.crashed_messages()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Handles a batch; unreadable messages stay in the queue for a person."""
    return take_each(event, _crashed.take)
