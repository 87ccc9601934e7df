"""See `event_bus.model.command_record`."""

from event_bus.model.command_record import (
    Command,
    Reply,
    after_cancel,
    after_deadline,
    after_late_reply,
    after_reply,
    state_of,
)

__all__ = [
    "Command",
    "Reply",
    "after_cancel",
    "after_deadline",
    "after_late_reply",
    "after_reply",
    "state_of",
]
