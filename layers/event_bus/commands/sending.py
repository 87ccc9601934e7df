"""Sends commands, and waits for their replies."""

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from typing import Any

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.commands.expiring import expire_if_due
from event_bus.inbox.waiting import Slot
from event_bus.model.command_record import Command
from event_bus.model.event import Event
from event_bus.publishing.client_request import ClientRequest
from event_bus.publishing.intake import Accepted, Intake
from event_bus.stores.commands import CommandStore

_FIRST_LOOK_SECONDS, _LOOK_SECONDS, _GROWTH = 0.1, 1.0, 1.5


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request waits for the end of a command.

    Attributes:
        seconds: The longest wait, in seconds.
        slot: Makes the context manager that holds a slot while the request waits.
    """

    seconds: float = 0
    slot: Slot = nullcontext


@dataclass(frozen=True, slots=True)
class CommandWaiter:
    """Waits for the ends of commands.

    It reads the command's record again and again: a tenth of a second apart at first, later a
    second apart.

    Attributes:
        commands: The records of commands.
        clock: Monotonic clock, in seconds.
        sleep: Sleeps for a number of seconds.
    """

    commands: CommandStore
    clock: Callable[[], float] = times.steady
    sleep: Callable[[float], None] = times.sleep

    def wait(self, event: Event, patience: Patience) -> Command:
        """Returns the record of a command when it has ended or the wait is over.

        Args:
            event: The command.
            patience: How long to wait.

        Raises:
            TooManyRequests: The request would have to wait, and too many are waiting.
        """
        end, pause = self.clock() + patience.seconds, _FIRST_LOOK_SECONDS
        with ExitStack() as waiting:
            while True:
                record = expire_if_due(self.commands, event, self.commands.get(event))
                left = end - self.clock()
                if record.ended or left <= 0:
                    return record
                if pause == _FIRST_LOOK_SECONDS:
                    waiting.enter_context(patience.slot())
                self.sleep(min(pause, left))
                pause = min(pause * _GROWTH, _LOOK_SECONDS)


@dataclass(frozen=True, slots=True)
class CommandSender:
    """Sends commands.

    Attributes:
        intake: Validates and stores events.
        waiter: Waits for the ends of commands.
    """

    intake: Intake
    waiter: CommandWaiter

    def send(
        self,
        submission: Any,
        caller: Caller,
        patience: Patience,
        *,
        request: ClientRequest,
        require_handler: bool,
    ) -> tuple[Accepted, Command]:
        """Publishes a command, and waits for its end.

        A request that waits takes a slot first, so a request without a slot publishes nothing.

        Args:
            submission: The command as it was sent, parsed from JSON.
            caller: Who sends it.
            patience: How long to wait.
            request: The request.
            require_handler: Whether to refuse a command without a handler.

        Returns:
            The stored event, and the command's record when it has ended or the wait is over.

        Raises:
            Problem: It is refused; nothing is stored.
            TooManyRequests: The request would have to wait, and too many are waiting.
        """
        with ExitStack() as waiting:
            if patience.seconds:
                waiting.enter_context(patience.slot())
            accepted = self.intake.take(
                submission, caller, request, require_handler=require_handler
            )
            if not patience.seconds and not accepted.repeated:
                return accepted, Command(accepted.event.id)
            seconds = Patience(patience.seconds)
            return accepted, self.waiter.wait(accepted.event, seconds)
