"""See `event_bus.matching.errors`."""

from event_bus.matching.errors import InvalidEventTypeError, InvalidPatternError

__all__ = ["InvalidEventTypeError", "InvalidPatternError"]
