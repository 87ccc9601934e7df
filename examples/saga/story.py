"""The saga itself: which command follows which, and what compensates for a failure."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from secrets import token_hex

from event_bus_client import CommandFailed, EventBus, NotFound

from examples.saga.handler import Handler
from examples.saga.services import DISCARD, GENERATE, REVIEW, Document, Generator, review

ANALYST, GENERATOR, REVIEWER = "saga_analyst", "saga_generator", "saga_reviewer"


@dataclass
class Saga:
    """Turns requirements into reviewed code.

    Attributes:
        bus: The bus, with the key of the analyst.
        run: A text that no other run has, for the ids of its events.
        say: Called with the text of each step.
    """

    bus: EventBus
    run: str
    say: Callable[[str], None]

    def play(self, requirement: str, wish: str) -> bool:
        """Plays the saga for one requirement.

        Returns:
            Whether the requirement was completed; if not, its steps are undone.
        """
        self._tell("requirement.approved", requirement)
        work = {"requirement": requirement, "wish": wish}
        for command in (GENERATE, REVIEW):
            if not self._command(command, requirement, work):
                self._command(DISCARD, requirement, {"requirement": requirement})
                self._tell("requirement.rejected", requirement)
                return False
        self._tell("requirement.completed", requirement)
        return True

    def _command(self, command: str, requirement: str, payload: Document) -> bool:
        """Sends a command, and waits for its reply; returns whether it succeeded."""
        try:
            reply = self.bus.commands.request(
                command,
                payload,
                id=self._id(command, requirement),
                metadata={"correlation_id": f"{self.run}-{requirement}"},
            )
        except CommandFailed as failed:
            self.say(f"{command} → {failed.command.state}: {failed.command.error['title']}")
            return False
        self.say(f"{command} → succeeded: {reply.payload}")
        return True

    def _tell(self, event_type: str, requirement: str) -> None:
        self.bus.publish(
            event_type,
            {"requirement": requirement},
            id=self._id(event_type, requirement),
            metadata={"correlation_id": f"{self.run}-{requirement}"},
        )
        self.say(event_type)

    def _id(self, event_type: str, requirement: str) -> str:
        return f"{ANALYST}:{self.run}-{requirement}-{event_type.rpartition('.')[2]}"


@contextmanager
def played_by(
    url: str, admin: EventBus, say: Callable[[str], None]
) -> Iterator[tuple[Saga, Generator]]:
    """Sets up the services of the saga, until the end of the block.

    Args:
        url: The root of the bus's API.
        admin: The bus, by an admin key.
        say: Called with the text of each step.
    """
    generator = Generator()
    with ExitStack() as open_:
        analyst = open_.enter_context(_service(url, admin, ANALYST))
        for name, work in (
            (GENERATOR, {GENERATE: generator.generate, DISCARD: generator.discard}),
            (REVIEWER, {REVIEW: review}),
        ):
            bus = open_.enter_context(_service(url, admin, name))
            open_.enter_context(closing(Handler(bus, work)))
        yield Saga(analyst, token_hex(3), say), generator


def _service(url: str, admin: EventBus, name: str) -> EventBus:
    """Registers a service with a new key, replacing that of an earlier run."""
    for each in admin.subscriptions.list(service_id=name):
        admin.subscriptions.delete(each["id"])
    with suppress(NotFound):
        admin.publishers.delete(name)
    types = ["requirement.*", "command.saga.*"] if name == ANALYST else [f"{name}.*"]
    made = admin.publishers.create(service_id=name, name=name, event_types=types)
    return EventBus(url, made["authentication"]["api_key"])
