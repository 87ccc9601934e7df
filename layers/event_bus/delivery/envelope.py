"""The event as its subscriber sees it, over every protocol."""

from typing import Any

from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event


def envelope(key: DeliveryKey, event: Event) -> dict[str, Any]:
    """The event as its subscriber sees it; a replay is marked in the metadata."""
    shown = event.envelope()
    if key.replay_id:
        shown["metadata"] = {**event.metadata, "replay_id": key.replay_id}
    return shown
