"""Continues replays and brings read models up to date, from their queue."""

from functools import cache
from typing import Any

from event_bus import times
from event_bus.batches import take_each
from event_bus.queues.projections import projection_in
from event_bus.queues.replays import step_in
from event_bus.runtime import queues, recovery, states

_BEGINS_SECONDS = 20.0
"""For how long an invocation begins work, in seconds: one message may take half a minute, and the
function times out after a minute."""

_queue = queues.replay_queue()
_runner = recovery.replay_runner()
# Made by the first message about a read model.
_projector = cache(states.projector)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Handles the messages of a batch, each on its own; sends again those that it cannot begin."""
    end = times.steady() + _BEGINS_SECONDS
    groups = {
        record["messageId"]: record["attributes"].get("MessageGroupId", record["messageId"])
        for record in event["Records"]
    }

    def take(message_id: str, body: str) -> None:
        if times.steady() < end:
            _take(body)
        else:
            _queue.send(body, groups[message_id])

    return take_each(event, take)


def _take(body: str) -> None:
    if projection := projection_in(body):
        _projector().take(projection)
    else:
        _runner.step(*step_in(body))
