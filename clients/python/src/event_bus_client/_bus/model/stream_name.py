"""See `event_bus.model.stream_name`."""

from event_bus.model.stream_name import category_of, stream_id_pattern

__all__ = ["category_of", "stream_id_pattern"]
