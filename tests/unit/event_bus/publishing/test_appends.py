"""Several events are appended to a stream at once: all of them or none."""

from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from event_bus.access.known_publishers import KnownPublishers
from event_bus.errors import Conflict, Forbidden, InvalidRequest, Problem, VersionConflict
from event_bus.model.event import INLINE_PAYLOAD_BYTES
from event_bus.model.stream_name import StreamName
from event_bus.publishing.appends import Appends
from event_bus.publishing.intake import Intake
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.requests.event import MAX_METADATA_BYTES
from event_bus.requests.stream_append import MAX_APPEND
from event_bus.stores.deduplication import DeduplicationStore

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import AN_ADMIN, publisher, service, submission

PLANNER = service("planner")
TASK_1 = StreamName("planner", "task/1")


@pytest.fixture
def appends(aws: Aws, executor: Executor) -> Appends:
    listed = replace(
        publisher("planner", "task.*"),
        stream_categories=["task"],
        sensitive={"task.secret": ["/phone"]},
    )
    rights = PublisherRights(KnownPublishers({"planner": listed}.get))
    store = replace(aws.events, deduplication=DeduplicationStore(aws.table("idempotency")))
    sees = lambda event, caller: event.source == caller.service_id  # noqa: E731
    checks = aws.schema_checks
    return Appends(Intake(store, rights, checks, aws.seal, RETENTION_DAYS, executor, sees))


def request(*events: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"stream_id": "task/1", "events": list(events), **members}


def named(*ids: str, **members: Any) -> list[dict[str, Any]]:
    return [submission(id=each, **members) for each in ids]


def versions(aws: Aws) -> list[str]:
    return [each.event_id for each in aws.streams.after(TASK_1, 0, 99)]


def refused(appends: Appends, sent: Any, kind: type[Problem] = InvalidRequest) -> list[str]:
    with pytest.raises(kind) as refusal:
        appends.append(sent, PLANNER)
    return [fault.pointer for fault in refusal.value.faults]


def test_events_are_appended_in_their_order(aws: Aws, appends: Appends) -> None:
    taken = appends.append(request(*named("a", "b", "c"), expected_version="none"), PLANNER)
    assert [each.event.stream_version for each in taken] == [1, 2, 3]
    assert not any(each.repeated for each in taken)
    assert versions(aws) == ["a", "b", "c"]
    # Published one by one, they are the same events.
    alone = submission(id="b", stream={"id": "task/1"})
    assert appends.intake.take(alone, PLANNER).repeated


def test_a_repeated_append_is_answered_as_the_first(aws: Aws, appends: Appends) -> None:
    sent = request(*named("a", "b"), expected_version=0)
    first = appends.append(sent, PLANNER)
    appends.append(request(*named("c"), expected_version=2), PLANNER)
    again = appends.append(sent, PLANNER)
    assert [each.event for each in again] == [each.event for each in first]
    assert all(each.repeated for each in again)
    assert versions(aws) == ["a", "b", "c"]


def test_a_repeated_append_of_sealed_events_is_recognised(appends: Appends) -> None:
    sent = request(submission("task.secret", id="a", payload={"phone": "555", "n": 1}))
    [first] = appends.append(sent, PLANNER)
    assert first.event.payload == b'{"phone":{"$encrypted":true},"n":1}'
    [again] = appends.append(sent, PLANNER)
    assert again.repeated


def test_one_refused_event_refuses_all(aws: Aws, appends: Appends) -> None:
    appends.append(request(*named("a")), PLANNER)
    assert refused(appends, request(*named("b", "a"), expected_version=7), Conflict) == [
        "/events/1/id"
    ]
    other = submission(id="a", payload={"n": 1})
    assert refused(appends, request(*named("b"), other), Conflict) == ["/events/1/id"]
    assert refused(appends, request(*named("b"), {"type": "task.x"})) == ["/events/1/payload"]
    foreign = submission("order.made", id="c")
    assert refused(appends, request(*named("b"), foreign), Forbidden) == ["/events/1/type"]
    assert versions(aws) == ["a"]
    assert aws.events.get("b") is None


def test_a_wrong_version_refuses_all(aws: Aws, appends: Appends) -> None:
    appends.append(request(*named("a", "b")), PLANNER)
    for expected in (0, "none", 1, 3):
        with pytest.raises(VersionConflict) as refusal:
            appends.append(request(*named("c", "d"), expected_version=expected), PLANNER)
        assert refusal.value.document()["actual_version"] == 2
        assert [fault.pointer for fault in refusal.value.faults] == ["/expected_version"]
    assert versions(aws) == ["a", "b"]


def test_an_append_too_large_for_one_transaction_is_refused(aws: Aws, appends: Appends) -> None:
    def keyed(number: int) -> list[dict[str, Any]]:
        return [submission(metadata={"deduplication_key": str(n)}) for n in range(number)]

    assert refused(appends, request()) == ["/events"]
    assert refused(appends, request(*[submission()] * (MAX_APPEND + 1))) == ["/events"]
    assert refused(appends, request(*keyed(34))) == ["/events"]
    assert refused(appends, request(*named("a", "b", "a"))) == ["/events/0/id", "/events/2/id"]
    twice = keyed(1) * 2
    assert refused(appends, request(*twice)) == [
        f"/events/{place}/metadata/deduplication_key" for place in (0, 1)
    ]
    assert versions(aws) == []
    assert len(appends.append(request(*keyed(33)), PLANNER)) == 33
    # Nor can the largest events reach 4 MB, the other limit of a transaction: large payloads lie
    # in the bucket, and the rest of an item is a few kilobytes.
    assert MAX_APPEND * (INLINE_PAYLOAD_BYTES + MAX_METADATA_BYTES + 4_096) < 4 * 1024 * 1024


def test_a_key_that_another_event_has_refuses_all(aws: Aws, appends: Appends) -> None:
    first = submission(metadata={"deduplication_key": "k"})
    appends.intake.take(first, PLANNER)
    sent = request(*named("a"), submission(id="b", metadata={"deduplication_key": "k"}))
    assert refused(appends, sent, Conflict) == ["/events/1/metadata/deduplication_key"]
    assert versions(aws) == []


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        ({"source": "planner"}, "/events/1/source"),
        ({"stream": {"id": "task/1"}}, "/events/1/stream"),
        ({"metadata": {"stream_id": "task/2"}}, "/events/1/metadata/stream_id"),
    ],
)
def test_an_event_names_no_stream_of_its_own(
    appends: Appends, event: dict[str, Any], pointer: str
) -> None:
    assert refused(appends, request(submission(), submission(**event))) == [pointer]


def test_the_stream_is_that_of_who_may_append(appends: Appends) -> None:
    assert refused(appends, {**request(submission()), "stream_id": "order/1"}, Forbidden)
    assert refused(appends, request(submission(), source="other"), Forbidden)
    [taken] = appends.append(request(submission(), source="planner"), AN_ADMIN)
    assert taken.event.stream == TASK_1


def test_an_event_may_be_caused_by_an_earlier_one_of_the_append(appends: Appends) -> None:
    sent = request(
        submission(id="a", metadata={"correlation_id": "flow"}),
        submission(id="b", metadata={"causation_id": "a"}),
        submission(id="c", metadata={"causation_id": "b"}),
    )
    taken = appends.append(sent, PLANNER)
    assert [each.event.hop_count for each in taken] == [0, 1, 2]
    assert {each.event.metadata["correlation_id"] for each in taken} == {"flow"}


def test_a_deleted_stream_refuses_where_it_is_named(aws: Aws, appends: Appends) -> None:
    appends.append(request(*named("a")), PLANNER)
    aws.streams.delete(TASK_1, 1)
    assert refused(appends, request(*named("b")), Conflict) == ["/stream_id"]
    with pytest.raises(Conflict) as refusal:
        appends.intake.take(submission(stream={"id": "task/1"}), PLANNER)
    assert [fault.pointer for fault in refusal.value.faults] == ["/stream/id"]
