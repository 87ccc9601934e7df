"""Events are judged one by one, and stored before they are answered."""

import itertools
import threading
import time
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.access.known_publishers import KnownPublishers
from event_bus.encryption.data_keys import DataKeys
from event_bus.encryption.payload_seal import PayloadSeal
from event_bus.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    Problem,
    TooLarge,
    Unavailable,
    VersionConflict,
)
from event_bus.model.event import MAX_PAYLOAD_BYTES, Event, accept
from event_bus.model.stream_name import StreamName
from event_bus.publishing.intake import MAX_BATCH, Accepted, Intake
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.stores.events import EventStore, Put

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import AN_ADMIN, LARGE_PAYLOAD, event, publisher, service, submission
from tests.faults import answer_lost, broken, not_sent

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


def test_an_accepted_event_is_stored(aws: Aws, intake: Intake) -> None:
    accepted = intake.take(submission(payload={"a": 1}), PLANNER)
    assert not accepted.repeated
    assert aws.events.get(accepted.event.id) == accepted.event
    assert accepted.event.source == "planner"


def test_events_that_cause_each_other_are_counted(intake: Intake) -> None:
    def after(cause_id: str, **metadata: Any) -> int:
        sent = submission(metadata={"causation_id": cause_id, **metadata})
        last.append(intake.take(sent, PLANNER).event)
        return last[-1].hop_count

    last = [intake.take(submission(id="evt_own"), PLANNER).event]
    assert last[0].hop_count == 0
    assert [after(last[-1].id) for _ in range(3)] == [1, 2, 3]
    # Of a cause that is not known, it is known that it is one.
    assert after("evt_gone") == 1
    assert after("evt_own", hop_count=7) == 7
    assert after(last[-1].id, hop_count=2) == 8


@pytest.fixture
def shared(aws: Aws, executor: Executor) -> Intake:
    """The intake of two publishers, of which neither sees what the other publishes."""
    both = {name: publisher(name, "*") for name in ("planner", "outsider")}
    rights = PublisherRights(KnownPublishers(both.get))
    return Intake(aws.events, rights, aws.schema_checks, aws.seal, RETENTION_DAYS, executor, sees)


def test_a_cause_that_may_not_be_seen_is_as_if_there_were_none(aws: Aws, shared: Intake) -> None:
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
    # The count that ends loops goes on, in what is stored, behind this event as well.
    assert (hidden.hop_count, gone.hop_count) == (4, 1)
    stored = aws.events.get(hidden.id)
    assert stored == hidden
    assert "4" not in str(stored.envelope()["metadata"])
    following = after(hidden.id, outsider)
    assert following.metadata["hop_count"] == 2
    assert following.metadata["correlation_id"] == hidden.id
    assert following.hop_count == 5
    assert after("evt_3", outsider, hop_count=9).metadata["hop_count"] == 9
    # Who may see the cause goes on with its flow.
    assert after("evt_3", AN_ADMIN).metadata["correlation_id"] == "secret"


def test_a_loop_of_two_who_do_not_see_each_other_grows(shared: Intake) -> None:
    last = shared.take(submission(), PLANNER).event
    for number in range(20):
        caller = service("outsider") if number % 2 else PLANNER
        sent = submission(metadata={"causation_id": last.id})
        last = shared.take(sent, caller).event
    assert last.hop_count == 20
    assert last.metadata["hop_count"] == 1


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


def test_a_batch_is_answered_in_its_order(aws: Aws, intake: Intake) -> None:
    sent = [submission(id=f"evt_{number}") for number in range(MAX_BATCH)]
    results = intake.take_all(sent, PLANNER)
    assert [isinstance(each, Accepted) and each.event.id for each in results] == [
        each["id"] for each in sent
    ]
    assert len(aws.events.get_many([each["id"] for each in sent])) == MAX_BATCH


def test_what_is_wrong_with_one_event_does_not_touch_the_others(intake: Intake) -> None:
    sent = [
        submission(),
        submission("role.made"),
        {"type": "task.created"},
        submission(),
        submission(source="other"),
        7,
    ]
    results = intake.take_all(sent, PLANNER)
    assert statuses(results) == [202, 403, 422, 202, 403, 422]
    assert pointers(results[1]) == ["/1/type"]
    assert pointers(results[2]) == ["/2/payload"]
    assert pointers(results[4]) == ["/4/source"]
    assert pointers(results[5]) == ["/5"]


def test_of_equal_ids_in_one_batch_the_first_counts(aws: Aws, intake: Intake) -> None:
    sent = [
        submission(id="evt_own", payload={"a": 1}),
        submission(id="evt_own", payload={"a": 1}),
        submission(id="evt_own", payload={"a": 2}),
        submission(id="evt_own", payload={"a": 1}),
    ]
    results = intake.take_all(sent, PLANNER)
    assert statuses(results) == [202, 200, 409, 200]
    assert pointers(results[2]) == ["/2/id"]
    stored = aws.events.get("evt_own")
    assert stored is not None
    assert stored.payload == b'{"a":1}'


@dataclass(frozen=True, slots=True)
class HesitantStore(EventStore):
    """Takes its time with the first event."""

    slow: list[float] = field(default_factory=lambda: [0.1])

    def put(
        self, event: Event, retention_days: int, expected: int | str | None = None
    ) -> tuple[Put, Event]:
        if self.slow:
            time.sleep(self.slow.pop())
        return EventStore.put(self, event, retention_days, expected)


def test_the_first_counts_even_where_it_takes_longest(aws: Aws, intake: Intake) -> None:
    store = HesitantStore(aws.dynamodb, aws.tables["events"], aws.payloads)
    sent = [submission(id="evt_own", payload={"a": number}) for number in range(3)]
    assert statuses(replace(intake, store=store).take_all(sent, PLANNER)) == [202, 409, 409]


@dataclass(frozen=True, slots=True)
class FailingStore(EventStore):
    """Cannot store one event."""

    failing: str = ""

    def put(
        self, event: Event, retention_days: int, expected: int | str | None = None
    ) -> tuple[Put, Event]:
        if event.id == self.failing:
            raise broken()
        return EventStore.put(self, event, retention_days, expected)


@dataclass(frozen=True)
class SlowFirst(EventStore):
    """Takes longer over the first event of the stream task/1."""

    def put(
        self, event: Event, retention_days: int, expected: int | str | None = None
    ) -> tuple[Put, Event]:
        if event.metadata.get("stream_id") == "task/1":
            time.sleep(0.1)
        return EventStore.put(self, event, retention_days, expected)


@pytest.mark.parametrize("stream", [None, "task/2"])
def test_the_first_of_an_id_counts_whatever_its_stream(
    aws: Aws, intake: Intake, stream: str | None
) -> None:
    slow = SlowFirst(aws.dynamodb, aws.tables["events"], aws.payloads, aws.streams)
    intake = replace(intake, store=slow)
    streams: list[str | None] = ["task/2", "task/2", "task/2", "task/1", stream]
    names = ["evt_0", "evt_1", "evt_2", "evt_own", "evt_own"]
    batch = [
        submission(id=name, metadata={"stream_id": each} if each else {})
        for name, each in zip(names, streams, strict=True)
    ]
    assert statuses(intake.take_all(batch, PLANNER)) == [202, 202, 202, 202, 409]
    stored = aws.events.get("evt_own")
    assert stored
    assert stored.stream == StreamName("planner", "task/1")
    assert aws.streams.last_version(StreamName("planner", "task/1")) == 1
    assert aws.streams.last_version(StreamName("planner", "task/2")) == 3


def test_the_events_of_a_stream_stand_in_it_as_they_were_sent(aws: Aws, intake: Intake) -> None:
    batch = [submission(id=f"evt_{n}", metadata={"stream_id": f"task/{n % 2}"}) for n in range(12)]
    intake.take_all(batch, PLANNER)
    for stream in (0, 1):
        entries = aws.streams.after(StreamName("planner", f"task/{stream}"), 0, 50)
        assert [each.event_id for each in entries] == [f"evt_{n}" for n in range(stream, 12, 2)]


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError"])
def test_a_batch_takes_its_places_in_a_stream_among_competing_events(
    aws: Aws, intake: Intake, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    batch = [submission(id=f"evt_{n}", metadata={"stream_id": "task/1"}) for n in range(6)]
    transact, calls = aws.dynamodb.transact_write_items, itertools.count()

    def compete(**request: Any) -> Any:
        number = next(calls)
        if number % 3 == 0:
            # Another publisher takes the version that was read.
            other = event(f"evt_other_{number}", metadata={"stream_id": "task/1"})
            monkeypatch.setattr(aws.dynamodb, "transact_write_items", transact)
            aws.events.put(other, RETENTION_DAYS)
            monkeypatch.setattr(aws.dynamodb, "transact_write_items", compete)
        if number % 3 == 1:
            reasons = [{"Code": "None"}, {"Code": reason}]
            error: Any = {
                "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
                "CancellationReasons": reasons,
            }
            raise ClientError(error, "TransactWriteItems")
        return transact(**request)

    monkeypatch.setattr(aws.dynamodb, "transact_write_items", compete)
    assert statuses(intake.take_all(batch, PLANNER)) == [202] * 6
    entries = aws.streams.after(StreamName("planner", "task/1"), 0, 50)
    stored = [each.event_id for each in entries if "other" not in each.event_id]
    assert stored == [each["id"] for each in batch]
    assert len(entries) == 12


def test_an_event_is_stored_after_the_cause_that_it_names(aws: Aws, intake: Intake) -> None:
    batch = [
        submission(id=f"evt_{n}", metadata={"causation_id": f"evt_{n - 1}"} if n else {})
        for n in range(6)
    ]
    taken = intake.take_all(batch, PLANNER)
    assert [each.event.hop_count for each in taken if isinstance(each, Accepted)] == list(range(6))


def test_what_follows_an_event_that_may_not_be_stored_is_not_stored_before_it(
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


def test_one_put_that_fails_does_not_touch_the_others(aws: Aws, intake: Intake) -> None:
    store = FailingStore(aws.dynamodb, aws.tables["events"], aws.payloads, failing="evt_1")
    sent = [submission(id=f"evt_{number}") for number in range(3)]
    results = replace(intake, store=store).take_all(sent, PLANNER)
    assert statuses(results) == [202, 503, 202]
    assert isinstance(results[1], Unavailable)
    assert "evt_1" in results[1].detail
    assert aws.events.get_many(["evt_0", "evt_1", "evt_2"]).keys() == {"evt_0", "evt_2"}


def test_an_event_whose_answer_was_lost_may_be_sent_again(aws: Aws, intake: Intake) -> None:
    sent = [submission(id="evt_own")]
    with answer_lost(aws.dynamodb, "PutItem", aws.carry_out):
        assert statuses(intake.take_all(sent, PLANNER)) == [503]
    assert statuses(intake.take_all(sent, PLANNER)) == [200]


@pytest.mark.parametrize("size", [0, MAX_BATCH + 1])
def test_a_batch_has_a_size(intake: Intake, size: int) -> None:
    with pytest.raises(InvalidRequest, match="1 to 100 events"):
        intake.take_all([submission()] * size, PLANNER)


@dataclass(frozen=True, slots=True)
class MeetingStore(EventStore):
    """Stores an event only once another is being stored."""

    barrier: threading.Barrier = threading.Barrier(4)  # noqa: RUF009

    def put(
        self, event: Event, retention_days: int, expected: int | str | None = None
    ) -> tuple[Put, Event]:
        self.barrier.wait(5)
        return EventStore.put(self, event, retention_days, expected)


def test_the_events_of_a_batch_are_stored_side_by_side(aws: Aws, intake: Intake) -> None:
    store = MeetingStore(aws.dynamodb, aws.tables["events"], aws.payloads)
    results = replace(intake, store=store).take_all([submission()] * 4, PLANNER)
    assert statuses(results) == [202] * 4


EMAIL = "ada@example.com"


@pytest.fixture
def discreet(aws: Aws, executor: Executor) -> Intake:
    """The intake of a publisher that says once and for all what is sensitive."""
    registered = replace(publisher("planner", "task.*"), sensitive={"task.created": ["/email"]})
    rights = PublisherRights(KnownPublishers({"planner": registered}.get))
    return Intake(aws.events, rights, aws.schema_checks, aws.seal, RETENTION_DAYS, executor, sees)


def stored(aws: Aws, accepted: Accepted) -> str:
    return str(aws.events.get(accepted.event.id))


def test_what_a_registration_marks_is_sealed(aws: Aws, discreet: Intake) -> None:
    marked = discreet.take(submission(payload={"email": EMAIL, "n": 1}), PLANNER)
    assert marked.event.payload == b'{"email":{"$encrypted":true},"n":1}'
    assert EMAIL not in stored(aws, marked)
    without = discreet.take(submission(payload={"n": 1}), PLANNER)
    other = discreet.take(submission("task.closed", payload={"email": EMAIL}), PLANNER)
    assert without.event.sealed_key is other.event.sealed_key is None


def test_an_admin_who_publishes_for_it_is_held_to_it(aws: Aws, discreet: Intake) -> None:
    sent = submission(source="planner", payload={"email": EMAIL})
    assert EMAIL not in stored(aws, discreet.take(sent, AN_ADMIN))


def test_what_an_event_marks_is_sealed_as_well(aws: Aws, discreet: Intake) -> None:
    sent = submission(payload={"email": EMAIL, "name": "Ada Lovelace"}, sensitive=["/name"])
    kept = stored(aws, discreet.take(sent, PLANNER))
    assert EMAIL not in kept
    assert "Ada Lovelace" not in kept


def test_a_repeated_request_is_known_whatever_it_was_sealed_by(aws: Aws, discreet: Intake) -> None:
    sent = submission(id="evt_own", payload={"email": EMAIL})
    first = discreet.take(sent, PLANNER)
    elsewhere = replace(discreet, seal=PayloadSeal(DataKeys(aws.kms, aws.sealing_key)))
    again = elsewhere.take(sent, PLANNER)
    assert (again.repeated, again.event) == (True, first.event)
    with pytest.raises(Conflict):
        elsewhere.take({**sent, "payload": {"email": "eve@example.com"}}, PLANNER)
    with pytest.raises(Conflict):
        elsewhere.take({**sent, "payload": {"email": {"$encrypted": True}}}, PLANNER)


def test_marks_are_no_part_of_the_content(intake: Intake) -> None:
    sent = submission(id="evt_own", payload={"email": EMAIL})
    assert not intake.take(sent, PLANNER).repeated
    assert intake.take({**sent, "sensitive": True}, PLANNER).repeated


def test_one_that_cannot_be_sealed_is_not_stored(aws: Aws, discreet: Intake) -> None:
    sent = [
        submission(id="evt_own", payload={"email": EMAIL}),
        submission("task.closed", payload={}),
    ]
    with not_sent(aws.kms, "GenerateDataKey"):
        assert statuses(discreet.take_all(sent, PLANNER)) == [503, 202]
    assert aws.events.get("evt_own") is None
    assert statuses(discreet.take_all(sent[:1], PLANNER)) == [202]


@pytest.mark.parametrize("step", ["accept", "EventStore.put"])
def test_a_fault_of_the_bus_with_one_event_is_not_its_neighbours(
    aws: Aws, intake: Intake, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    module = "event_bus.publishing.intake" if step == "accept" else "event_bus.stores.events"
    sound = accept if step == "accept" else EventStore.put

    def picky(*arguments: Any) -> Any:
        if any(getattr(each, "id", None) == "evt_own" for each in arguments):
            raise RecursionError
        return sound(*arguments)

    monkeypatch.setattr(f"{module}.{step}", picky)
    sent = [submission(), submission(id="evt_own"), submission()]
    assert statuses(intake.take_all(sent, PLANNER)) == [202, 500, 202]
    assert aws.events.get("evt_own") is None


def test_a_version_that_is_not_there_refuses_its_event_alone(aws: Aws, intake: Intake) -> None:
    def sent(name: str, expected: Any, stream: str = "task/1") -> dict[str, Any]:
        return submission(id=name, stream={"id": stream, "expected_version": expected})

    batch = [
        sent("evt_1", "none"),
        sent("evt_2", 0),
        sent("evt_3", 1),
        sent("evt_4", "exists", "task/2"),
        sent("evt_5", 2),
        sent("evt_1", 9),
    ]
    results = intake.take_all(batch, PLANNER)
    assert statuses(results) == [202, 409, 202, 409, 202, 200]
    assert pointers(results[1]) == ["/1/stream/expected_version"]
    assert isinstance(results[1], VersionConflict)
    assert results[1].document()["actual_version"] == 1
    assert isinstance(results[3], VersionConflict)
    assert results[3].document()["actual_version"] == 0
    entries = aws.streams.after(StreamName("planner", "task/1"), 0, 9)
    assert [each.event_id for each in entries] == ["evt_1", "evt_3", "evt_5"]


def test_a_stream_of_another_category_is_refused_where_it_is_named(
    aws: Aws, intake: Intake
) -> None:
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
