"""See `event_bus.version`."""

from event_bus.version import VERSION

__all__ = ["VERSION"]
