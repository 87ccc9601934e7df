"""The types of commands, and of the replies to them.

The fake bus of the Python client has a copy of this module in its wheel, so it imports only
`matching`.
"""

from event_bus.matching.event_types import WILDCARD

COMMAND_DOMAIN = "command"
"""The first segment of the types of commands."""

MAX_HANDLED_TYPES = 25
"""How many types a subscription may handle: each is a part of the transaction that stores it."""


def is_command(event_type: str) -> bool:
    """Returns whether a type is that of a command."""
    return event_type.startswith(f"{COMMAND_DOMAIN}.")


def may_be_handled(event_type: str) -> bool:
    """Returns whether a subscription may handle a type: commands of one exact type."""
    return is_command(event_type) and WILDCARD not in event_type


def reply_address(source: str, reply_to: str | None) -> str:
    """Returns the type of the replies to a command.

    Args:
        source: The service that sent the command.
        reply_to: The address that it named, if any.
    """
    return reply_to or f"{source}.commands.responses"
