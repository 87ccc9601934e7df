"""Continues replays, from their queue."""

from typing import Any

from event_bus.batches import take_each
from event_bus.runtime import recovery

_runner = recovery.replay_runner()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Continues the replays of a batch."""
    return take_each(event, lambda _, replay_id: _runner.step(replay_id))
