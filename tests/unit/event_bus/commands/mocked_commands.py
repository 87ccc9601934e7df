"""Commands on mocked AWS: `worker` handles what `planner` sends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from event_bus.access.event_visibility import VisibleEvents
from event_bus.access.known_publishers import KnownPublishers
from event_bus.commands.finding import Commands
from event_bus.commands.sending import CommandWaiter
from event_bus.model.command_record import Command
from event_bus.model.event import Event
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.publishing.replying import Replying
from event_bus.stores.commands import CommandStore

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LATER, event


@dataclass
class Waiting:
    """Time that passes only in pauses, and a waiting room.

    Attributes:
        pauses: How long each pause took, in seconds.
        slots: How many slots were taken.
        held: How many slots are held at present.
        meanwhile: Called in each pause.
    """

    pauses: list[float] = field(default_factory=list)
    slots: int = 0
    held: int = 0
    meanwhile: Callable[[], object] = lambda: None

    def clock(self) -> float:
        return sum(self.pauses)

    def sleep(self, seconds: float) -> None:
        assert self.held == 1
        self.pauses.append(seconds)
        self.meanwhile()

    @contextmanager
    def slot(self) -> Iterator[None]:
        self.slots += 1
        self.held += 1
        yield
        self.held -= 1


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


@pytest.fixture
def records(aws: Aws) -> CommandStore:
    return aws.commands


@pytest.fixture
def waiter(records: CommandStore, waiting: Waiting) -> CommandWaiter:
    return CommandWaiter(records, waiting.clock, waiting.sleep)


@pytest.fixture
def commands(aws: Aws, records: CommandStore, waiter: CommandWaiter) -> Commands:
    rights = PublisherRights(KnownPublishers(aws.publishers.get))
    return Commands(
        aws.events,
        aws.deliveries,
        aws.handlers,
        VisibleEvents(aws.routings, lambda _: [], aws.rights_reader),
        waiter,
        Replying(aws.events, records, rights, aws.schema_checks, aws.seal),
    )


def sent(
    aws: Aws, event_type: str = "command.pay", *, deadline: str = LATER, replies: int = 0
) -> Event:
    """Stores a command, or a request for some replies."""
    metadata = {"deadline": deadline, **({"expect_replies": replies} if replies else {})}
    stored = event(event_type=event_type, metadata=metadata)
    aws.events.put(stored, RETENTION_DAYS)
    return stored


def changed(records: CommandStore, change: Callable[[Command], Command]) -> Command:
    """Changes the record of the command."""
    return records.save(change(records.get(event())))
