"""See `event_bus.matching.event_types`."""

from event_bus.matching.event_types import matches_type, validate_event_type, validate_type_pattern

__all__ = ["matches_type", "validate_event_type", "validate_type_pattern"]
