"""See `event_bus.model.command_types`."""

from event_bus.model.command_types import (
    MAX_HANDLED_TYPES,
    is_command,
    may_be_handled,
    reply_address,
)

__all__ = ["MAX_HANDLED_TYPES", "is_command", "may_be_handled", "reply_address"]
