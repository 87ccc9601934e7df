"""Builds the components for commands."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_bus.runtime import registry_stores, stores

if TYPE_CHECKING:
    from event_bus.commands.finding import Commands
    from event_bus.commands.sending import CommandSender


@dataclass(frozen=True, slots=True)
class CommandComponents:
    """The components for commands, which share their stores.

    Attributes:
        sender: Sends commands.
        commands: Finds, answers and cancels them.
    """

    sender: "CommandSender"
    commands: "Commands"


def command_components() -> CommandComponents:
    """Makes the components for commands."""
    from event_bus.commands.finding import Commands
    from event_bus.commands.sending import CommandSender, CommandWaiter
    from event_bus.runtime.intake import deployed_intake, replying, visible_events

    waiter = CommandWaiter(stores.commands(writes=True))
    return CommandComponents(
        CommandSender(deployed_intake(workers=1), waiter),
        Commands(
            stores.events(),
            stores.deliveries(),
            registry_stores.handlers(),
            visible_events(),
            waiter,
            replying(),
        ),
    )
