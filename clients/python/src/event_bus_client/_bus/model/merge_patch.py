"""See `event_bus.model.merge_patch`."""

from event_bus.model.merge_patch import merged

__all__ = ["merged"]
