"""An intake on mocked AWS, with one registered publisher."""

from concurrent.futures import Executor

import pytest
from event_bus.access.callers import Caller
from event_bus.access.known_publishers import KnownPublishers
from event_bus.errors import Problem
from event_bus.model.event import Event
from event_bus.publishing.intake import Accepted, Intake
from event_bus.publishing.publisher_rights import PublisherRights

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import publisher, service

PLANNER = service("planner")


def sees(event: Event, caller: Caller) -> bool:
    """Whether a caller may see an event: its own, unless the event is open to all."""
    return caller.admin or event.source == caller.service_id or event.type.endswith(".open")


@pytest.fixture
def intake(aws: Aws, executor: Executor) -> Intake:
    registered = publisher("planner", "task.*")
    rights = PublisherRights(KnownPublishers({"planner": registered}.get))
    return Intake(aws.events, rights, aws.schema_checks, aws.seal, RETENTION_DAYS, executor, sees)


def statuses(results: list[Accepted | Problem]) -> list[int]:
    return [
        result.status if isinstance(result, Problem) else 200 if result.repeated else 202
        for result in results
    ]


def pointers(result: Accepted | Problem) -> list[str]:
    assert isinstance(result, Problem)
    return [fault.pointer for fault in result.faults]
