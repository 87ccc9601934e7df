"""The parts of stories."""

from collections.abc import Callable
from typing import Any

from event_bus.model.outcome import Outcome

from tests.simulation.known import Subscriber
from tests.simulation.world import World

Story = Callable[[World], None]

STORIES: dict[str, Story] = {}

REFUSED = Outcome("http_status", "the subscriber answered 500", status_code=500)
GONE = Outcome("http_status", "the subscriber answered 410", status_code=410)
TAKEN = Outcome(status_code=204)

SOON = {"schedule": [5], "max_attempts": 4}
LATE = {"schedule": [3600], "max_attempts": 3}
ONCE = {"max_attempts": 1}


def story(tell: Story) -> Story:
    """Adds a story."""
    STORIES[tell.__name__] = tell
    return tell


def event(event_id: str, event_type: str = "task.created", **members: Any) -> dict[str, Any]:
    """An event as a client sends it."""
    return {"id": event_id, "type": event_type, "payload": {"n": event_id}, **members}


def failing(times: int, outcome: Outcome = REFUSED) -> Subscriber:
    """Refuses the first attempts of each delivery."""
    return Subscriber(lambda _, number: outcome if number <= times else TAKEN)


def refusing(event_id: str) -> Subscriber:
    """Refuses each attempt of one event, and takes all others."""
    return Subscriber(lambda seen, _: REFUSED if seen.id == event_id else TAKEN)


def in_stream(stream: str) -> dict[str, Any]:
    """The metadata of an event of a stream."""
    return {"metadata": {"stream_id": stream}}
