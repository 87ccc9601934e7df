"""See `event_bus.model.stream_version`."""

from event_bus.model.stream_version import meets

__all__ = ["meets"]
