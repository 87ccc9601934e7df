"""Makes dead letters of what a lane gave up, from its redrive queue."""

from typing import Any

from event_bus.batches import take_each
from event_bus.runtime import maintenance

_crashed = maintenance.crashed_messages()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Takes a batch; what cannot be read stays, for a person to look at."""
    return take_each(event, _crashed.take)
