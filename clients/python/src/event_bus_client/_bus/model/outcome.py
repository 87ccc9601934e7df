"""See `event_bus.model.outcome`."""

from event_bus.model.outcome import Outcome

__all__ = ["Outcome"]
