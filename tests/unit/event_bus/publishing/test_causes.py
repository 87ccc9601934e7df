"""Events name their cause: hops are counted, and the cause is stored first."""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from event_bus.access.callers import Caller
from event_bus.access.known_publishers import KnownPublishers
from event_bus.errors import Problem
from event_bus.model.event import Event
from event_bus.model.stream_name import StreamName
from event_bus.publishing.intake import Accepted, Intake
from event_bus.publishing.publisher_rights import PublisherRights

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import AN_ADMIN, publisher, service, submission
from tests.faults import not_sent
from tests.unit.event_bus.publishing.taking import PLANNER, intake, sees, statuses

__all__ = ["intake"]


def test_events_that_cause_each_other_are_counted(intake: Intake) -> None:
    def after(cause_id: str, **metadata: Any) -> int:
        sent = submission(metadata={"causation_id": cause_id, **metadata})
        last.append(intake.take(sent, PLANNER).event)
        return last[-1].hop_count

    last = [intake.take(submission(id="evt_own"), PLANNER).event]
    assert last[0].hop_count == 0
    assert [after(last[-1].id) for _ in range(3)] == [1, 2, 3]
    # An unknown cause counts as one hop.
    assert after("evt_gone") == 1
    assert after("evt_own", hop_count=7) == 7
    assert after(last[-1].id, hop_count=2) == 8


def test_a_cause_that_cannot_be_read_counts_as_unknown(intake: Intake, aws: Aws) -> None:
    intake.take(submission(id="evt_lost"), PLANNER)
    aws.lose_archived("evt_lost")
    caused = intake.take(submission(metadata={"causation_id": "evt_lost"}), PLANNER).event
    assert caused.metadata == {"causation_id": "evt_lost", "hop_count": 1}


@pytest.fixture
def shared(aws: Aws, executor: Executor) -> Intake:
    """The intake of two publishers that do not see each other's events."""
    both = {name: publisher(name, "*") for name in ("planner", "outsider")}
    rights = PublisherRights(KnownPublishers(both.get))
    return Intake(aws.events, rights, aws.schema_checks, aws.seal, RETENTION_DAYS, executor, sees)


def test_an_invisible_cause_adds_nothing_to_the_metadata(aws: Aws, shared: Intake) -> None:
    for number in range(4):
        metadata = {"causation_id": f"evt_{number - 1}"} if number else {"correlation_id": "secret"}
        shared.take(submission(id=f"evt_{number}", metadata=metadata), PLANNER)
    outsider = service("outsider")

    def after(cause_id: str, caller: Caller, **metadata: Any) -> Event:
        sent = submission(metadata={"causation_id": cause_id, **metadata})
        return shared.take(sent, caller).event

    hidden, gone = after("evt_3", outsider), after("evt_gone", outsider)
    assert hidden.metadata == {"causation_id": "evt_3", "hop_count": 1}
    assert gone.metadata == {"causation_id": "evt_gone", "hop_count": 1}
    # The stored hop count, which ends loops, continues after this event.
    assert (hidden.hop_count, gone.hop_count) == (4, 1)
    stored = aws.events.get(hidden.id)
    assert stored == hidden
    assert "4" not in str(stored.envelope()["metadata"])
    following = after(hidden.id, outsider)
    assert following.metadata["hop_count"] == 2
    assert following.metadata["correlation_id"] == hidden.id
    assert following.hop_count == 5
    assert after("evt_3", outsider, hop_count=9).metadata["hop_count"] == 9
    # A publisher that may see the cause continues its flow.
    assert after("evt_3", AN_ADMIN).metadata["correlation_id"] == "secret"


def test_hops_are_counted_between_services_that_do_not_see_each_other(shared: Intake) -> None:
    last = shared.take(submission(), PLANNER).event
    for number in range(20):
        caller = service("outsider") if number % 2 else PLANNER
        sent = submission(metadata={"causation_id": last.id})
        last = shared.take(sent, caller).event
    assert last.hop_count == 20
    assert last.metadata["hop_count"] == 1


def test_an_event_is_stored_after_the_cause_that_it_names(intake: Intake) -> None:
    batch = [
        submission(id=f"evt_{n}", metadata={"causation_id": f"evt_{n - 1}"} if n else {})
        for n in range(6)
    ]
    taken = intake.take_all(batch, PLANNER)
    assert [each.event.hop_count for each in taken if isinstance(each, Accepted)] == list(range(6))


class Backwards(Executor):
    """Does what may be done side by side in the opposite order."""

    def map(self, fn: Callable[..., Any], *iterables: Iterable[Any], **_: Any) -> Any:
        return reversed([fn(*each) for each in reversed(list(zip(*iterables, strict=True)))])


def test_a_cause_is_not_stored_beside_what_it_caused(intake: Intake) -> None:
    batch = [submission(id="evt_1"), submission(metadata={"causation_id": "evt_1"})]
    batch += [submission(), submission(id="evt_4", metadata={"causation_id": "evt_gone"})]
    taken = replace(intake, executor=Backwards()).take_all(batch, PLANNER)
    assert statuses(taken) == [202] * 4
    events = [each.event for each in taken if isinstance(each, Accepted)]
    # A cause that was not stored yet would count as one that the publisher may not see.
    assert events[1].metadata["correlation_id"] == "evt_1"
    assert events[3].metadata["hop_count"] == 1


def test_no_event_of_a_stream_is_stored_behind_one_without_an_answer(
    aws: Aws, intake: Intake
) -> None:
    batch = [
        submission(id="evt_1", metadata={"stream_id": "task/1"}),
        submission(id="evt_2", metadata={"stream_id": "task/1"}),
        submission(id="evt_3"),
    ]
    with not_sent(aws.dynamodb, "TransactWriteItems"):
        results = intake.take_all(batch, PLANNER)
    assert statuses(results) == [503, 503, 202]
    assert isinstance(results[1], Problem)
    assert "evt_2" in results[1].detail
    assert statuses(intake.take_all(batch, PLANNER)) == [202, 202, 200]
    assert [each.event_id for each in aws.streams.after(StreamName("planner", "task/1"), 0, 9)] == [
        "evt_1",
        "evt_2",
    ]
