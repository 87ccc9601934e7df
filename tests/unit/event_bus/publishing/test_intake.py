"""An event is checked, and stored before it is answered."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.access.known_publishers import KnownPublishers
from event_bus.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    Problem,
    TooLarge,
    VersionConflict,
)
from event_bus.publishing.intake import Accepted, Intake
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.requests.event import MAX_PAYLOAD_BYTES

from tests.aws import Aws
from tests.builders import AN_ADMIN, LARGE_PAYLOAD, publisher, submission
from tests.faults import answer_lost
from tests.unit.event_bus.publishing.taking import PLANNER, intake, pointers, statuses

__all__ = ["intake"]


def test_an_accepted_event_is_stored(aws: Aws, intake: Intake) -> None:
    accepted = intake.take(submission(payload={"a": 1}), PLANNER)
    assert not accepted.repeated
    assert aws.events.get(accepted.event.id) == accepted.event
    assert accepted.event.source == "planner"


def test_a_repeated_event_is_answered_with_the_first(intake: Intake) -> None:
    first = intake.take(submission(id="evt_own"), PLANNER)
    assert intake.take(submission(id="evt_own"), PLANNER) == Accepted(first.event, repeated=True)


@pytest.mark.parametrize("marked", [{}, {"sensitive": ["/a"]}])
def test_the_timestamp_of_an_answer_may_be_sent_again(
    intake: Intake, marked: dict[str, Any]
) -> None:
    sent = submission(id="evt_own", payload={"a": 1}, metadata={"version": "2"}, **marked)
    first = intake.take(sent, PLANNER).event
    again = intake.take({**sent, "timestamp": first.timestamp}, PLANNER)
    assert (again.event, again.repeated) == (first, True)
    offset = first.timestamp.replace("Z", "+00:00")
    assert intake.take({**sent, "timestamp": offset}, PLANNER).repeated
    other = times.at(times.seconds(first.timestamp) - 0.001)
    changed = {**sent, "timestamp": first.timestamp, "metadata": {"version": "3"}}
    for different in ({**sent, "timestamp": other}, changed):
        with pytest.raises(Conflict):
            intake.take(different, PLANNER)


def test_another_event_of_the_same_id_is_a_conflict(intake: Intake) -> None:
    intake.take(submission(id="evt_own"), PLANNER)
    with pytest.raises(Conflict) as refusal:
        intake.take(submission(id="evt_own", payload={"a": 1}), PLANNER)
    assert [fault.pointer for fault in refusal.value.faults] == ["/id"]


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        (submission(type="task.*"), InvalidRequest),
        (submission("role.made"), Forbidden),
        (submission(source="other"), Forbidden),
        (submission(payload={"t": "x" * MAX_PAYLOAD_BYTES}), TooLarge),
        ("text", InvalidRequest),
    ],
    ids=["invalid", "type", "source", "payload", "text"],
)
def test_a_refused_event_is_not_stored(
    aws: Aws, intake: Intake, sent: Any, refusal: type[Problem]
) -> None:
    if isinstance(sent, dict):
        sent = {**sent, "id": "evt_own"}
    with pytest.raises(refusal):
        intake.take(sent, PLANNER)
    assert aws.events.get("evt_own") is None
    assert aws.objects() == []


def test_an_event_whose_answer_was_lost_may_be_sent_again(aws: Aws, intake: Intake) -> None:
    sent = [submission(id="evt_own")]
    with answer_lost(aws.dynamodb, "PutItem", aws.carry_out):
        assert statuses(intake.take_all(sent, PLANNER)) == [503]
    assert statuses(intake.take_all(sent, PLANNER)) == [200]


def test_a_stream_of_another_category_is_refused_where_it_is_named(intake: Intake) -> None:
    listed = replace(publisher("planner", "task.*"), stream_categories=["task"])
    rights = PublisherRights(KnownPublishers({"planner": listed}.get))
    batch = [
        submission(stream={"id": "task/1"}),
        submission(stream={"id": "order/1"}),
        submission(metadata={"stream_id": "order/1"}),
        submission(),
    ]
    results = replace(intake, rights=rights).take_all(batch, PLANNER)
    assert statuses(results) == [202, 403, 403, 202]
    assert pointers(results[1]) == ["/1/stream/id"]
    assert pointers(results[2]) == ["/2/metadata/stream_id"]


def test_events_of_a_kept_category_never_expire(aws: Aws, intake: Intake) -> None:
    keeping = replace(publisher("planner", "task.*"), kept_stream_categories=["task"])
    known = {"planner": keeping}
    taking = replace(intake, rights=PublisherRights(KnownPublishers(known.get)))
    batch = [
        submission(id="evt_1", stream={"id": "task/1"}),
        submission(id="evt_2", stream={"id": "order/1"}),
        submission(id="evt_3"),
        submission(id="evt_4", metadata={"stream_id": "task/2"}),
    ]
    assert statuses(taking.take_all(batch, PLANNER)) == [202, 202, 202, 202]
    # An admin publishes for the planner, under the planner's rules.
    taking.take(submission(id="evt_5", source="planner", stream={"id": "task/1"}), AN_ADMIN)
    found = aws.events.get_many([f"evt_{number}" for number in range(1, 6)])
    assert {each.id for each in found.values() if each.kept} == {"evt_1", "evt_4", "evt_5"}
    # A later decision is about later events.
    known["planner"] = publisher("planner", "task.*")
    later = replace(intake, rights=PublisherRights(KnownPublishers(known.get)))
    repeated = later.take(submission(id="evt_1", stream={"id": "task/1"}), PLANNER)
    assert (repeated.repeated, repeated.event.kept) == (True, True)
    assert not later.take(submission(id="evt_6", stream={"id": "task/1"}), PLANNER).event.kept


def test_a_version_conflict_leaves_no_payload_behind(aws: Aws, intake: Intake) -> None:
    sent = submission(payload=LARGE_PAYLOAD, stream={"id": "task/1", "expected_version": 7})
    with pytest.raises(VersionConflict):
        intake.take(sent, PLANNER)
    assert aws.objects() == []
