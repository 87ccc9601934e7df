"""Builds the services for commands."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_bus.runtime import stores

if TYPE_CHECKING:
    from event_bus.commands.finding import Commands
    from event_bus.commands.sending import Sender


@dataclass(frozen=True, slots=True)
class CommandServices:
    """The services of commands, over the same stores.

    Attributes:
        sender: Sends commands.
        commands: Finds, answers and cancels them.
    """

    sender: "Sender"
    commands: "Commands"


def command_services() -> CommandServices:
    """Makes the services of commands."""
    from event_bus.commands.finding import Commands
    from event_bus.commands.sending import CommandWaiter, Sender
    from event_bus.runtime.intake import deployed_intake, replying, visible_events

    waiter = CommandWaiter(stores.commands(writes=True))
    return CommandServices(
        Sender(deployed_intake(workers=1), waiter),
        Commands(
            stores.events(),
            stores.deliveries(),
            stores.handlers(),
            visible_events(),
            waiter,
            replying(),
        ),
    )
