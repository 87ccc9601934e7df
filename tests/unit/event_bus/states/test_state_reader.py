"""States are folded from the latest snapshot on, and are the same as without any."""

import itertools
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.errors import Conflict, InvalidRequest, Unavailable
from event_bus.model.merge_patch import merged
from event_bus.model.reducer import Reducer
from event_bus.model.stream_name import StreamName
from event_bus.states import state_reader
from event_bus.states.reducing import NumberedEvent, reduced
from event_bus.stores import snapshots
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import AN_ADMIN, publisher, routing, service
from tests.unit.event_bus.states.streams import (
    PLANNER,
    STREAM,
    SUM,
    append,
    reader,
    register,
    remove,
    state,
)

_NUMBERS = itertools.count(1)
PAYLOADS = st.dictionaries(
    st.sampled_from("abcn"),
    st.none() | st.integers(0, 3) | st.dictionaries(st.just("d"), st.none()),
)


def items(aws: Aws, kind: str) -> list[dict[str, Any]]:
    """The items of the table of states whose partitions begin so."""
    found = aws.dynamodb.scan(TableName=aws.tables["states"])["Items"]
    return [dict(each) for each in found if each["partition"]["S"].startswith(kind)]


def test_a_state_is_what_the_payloads_add_up_to(aws: Aws, executor: Executor) -> None:
    append(
        aws,
        [
            {"task_id": "task_123", "title": "Write it", "status": "created"},
            {"assignee": "Ada", "status": "assigned"},
            {"assignee": None, "status": "done"},
        ],
    )
    read = reader(aws, executor)
    made = {"task_id": "task_123", "title": "Write it"}
    assert state(aws, read, 1).state == made | {"status": "created"}
    assert state(aws, read, 2).state == made | {"assignee": "Ada", "status": "assigned"}
    latest = state(aws, read, caller=AN_ADMIN)
    assert (latest.version, latest.events) == (3, 3)
    assert latest.state == made | {"status": "done"}
    assert (latest.reducer.number, latest.reducer.effective.type) == (0, "merge")
    assert items(aws, "snapshot") == []


def test_a_version_is_found_by_its_time(aws: Aws, executor: Executor) -> None:
    for second in (1, 2, 2, 3):
        append(aws, [{}], created_at=f"2026-05-01T12:00:0{second}.000Z")
    read = reader(aws, executor)
    found = [read.version_at(STREAM, f"2026-05-01T12:00:0{second}.000Z") for second in range(5)]
    assert found == [0, 1, 3, 4, 4]


def test_a_stream_that_does_not_exist_is_empty(aws: Aws, executor: Executor) -> None:
    found = state(aws, reader(aws, executor), stream=StreamName("planner", "none"))
    assert (found.version, found.events, found.state) == (0, 0, {})


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_snapshots_leave_states_as_they_are(
    aws: Aws, executor: Executor, data: st.DataObject
) -> None:
    """Any events, some of them gone or sealed; any reads, with snapshots anywhere."""
    payloads = data.draw(st.lists(st.none() | PAYLOADS, max_size=12))
    sealed = data.draw(st.sets(st.integers(1, 12)))
    reducer = data.draw(st.sampled_from([Reducer("merge"), SUM]))
    stream = StreamName("planner", f"task/{next(_NUMBERS)}")
    register(aws, reducer)
    for version, payload in enumerate(payloads, 1):
        sensitive = ["/a"] if version in sealed and payload and "a" in payload else []
        [stored] = append(aws, [payload or {}], stream, sensitive)
        if payload is None:
            remove(aws, stored)
    read = reader(aws, executor)
    expected: list[dict[str, Any]] = [{}]
    for version, payload in enumerate(payloads, 1):
        expected.append(_next(reducer, expected[-1], version, payload))
    with pytest.MonkeyPatch.context() as patch:
        for at, every in data.draw(
            st.lists(st.tuples(st.integers(0, 13), st.integers(1, 5)), max_size=8)
        ):
            patch.setattr(state_reader, "SNAPSHOT_EVERY", every)
            found = state(aws, read, at, stream=stream)
            version = min(at, len(payloads))
            assert found.state == expected[version]
            assert found.version == version
            present = [each for each in payloads[:version] if each is not None]
            assert found.events == len(present)


def _next(
    reducer: Reducer, before: dict[str, Any], version: int, payload: dict[str, Any] | None
) -> dict[str, Any]:
    if payload is None:
        return before
    if reducer.type == "merge":
        after: dict[str, Any] = merged(before, payload)
        return after
    n = payload.get("n")
    total = before.get("total", 0) + (n if isinstance(n, int) else 0)
    return {**before, "total": total, "last": version}


def test_a_long_stream_is_read_from_its_snapshot_and_its_tail(aws: Aws, executor: Executor) -> None:
    append(aws, [{"n": n, f"m{n % 7}": n} for n in range(1, 251)])
    read = reader(aws, executor)
    first = state(aws, read)
    assert (first.version, first.snapshot_version) == (250, None)
    assert [int(each["id"]["S"]) for each in items(aws, "snapshot")] == [100, 200]
    again = state(aws, read)
    assert again == replace(first, snapshot_version=200)
    assert state(aws, read, 200).snapshot_version == 200
    earlier = state(aws, read, 199)
    assert (earlier.snapshot_version, earlier.state["n"]) == (100, 199)
    assert state(aws, read, 99).snapshot_version is None


def test_a_changed_reducer_folds_from_the_first_event(aws: Aws, executor: Executor) -> None:
    append(aws, [{"n": n} for n in range(1, 101)])
    read = reader(aws, executor)
    assert state(aws, read).state == {"n": 100}
    assert state(aws, read).snapshot_version == 100
    register(aws, SUM)
    found = state(aws, read)
    assert (found.state, found.snapshot_version) == ({"total": 5050, "last": 100}, None)
    register(aws, None)
    removed = state(aws, read)
    assert (removed.state, removed.snapshot_version) == ({"n": 100}, None)
    assert (removed.reducer.number, removed.reducer.effective.type) == (2, "merge")


def test_a_snapshot_ends_with_the_first_of_its_events(aws: Aws, executor: Executor) -> None:
    stored = append(aws, [{f"m{n}": n} for n in range(1, 101)])
    table, end = aws.tables["events"], {"N": str(int(times.unix()) + 600)}
    first = aws.dynamodb.get_item(TableName=table, Key={"id": {"S": stored[40].id}})["Item"]
    aws.dynamodb.put_item(TableName=table, Item={**first, "expires_at": end})
    read = reader(aws, executor)
    state(aws, read)
    [kept] = items(aws, "snapshot")
    assert kept["expires_at"] == end
    _expire(aws, kept)
    remove(aws, stored[0])
    found = state(aws, read)
    assert (found.events, found.snapshot_version) == (99, None)
    assert "m1" not in found.state


def test_snapshots_of_kept_events_follow_their_readers(aws: Aws, executor: Executor) -> None:
    append(aws, [{f"m{n}": n} for n in range(1, 101)], kept=True)
    read = reader(aws, executor)
    state(aws, read)
    [first] = items(aws, "snapshot")
    almost_over = {"N": str(int(times.unix()) + 60)}
    aws.dynamodb.put_item(TableName=aws.tables["states"], Item={**first, "expires_at": almost_over})
    append(aws, [{f"m{n}": n} for n in range(101, 201)], kept=True)
    found = state(aws, read)
    assert (found.events, found.snapshot_version) == (200, 100)
    # The later one does not end with the one that it was made from.
    later = max(int(each["expires_at"]["N"]) for each in items(aws, "snapshot"))
    assert later > times.unix() + 86_400 * (RETENTION_DAYS - 1)
    # An event that expires ends the snapshots that hold it.
    [expiring] = append(aws, [{"last": True}])
    append(aws, [{f"m{n}": n} for n in range(201, 300)], kept=True)
    state(aws, read)
    ends = {
        int(each["id"]["S"]): int(each["events_expire_at"]["N"]) for each in items(aws, "snapshot")
    }
    stored = aws.events.get(expiring.id)
    assert stored is not None
    assert ends == {100: 0, 200: 0, 300: stored.expires_at}


def test_a_snapshot_of_an_earlier_release_ends_when_it_did(aws: Aws, executor: Executor) -> None:
    append(aws, [{f"m{n}": n} for n in range(1, 101)])
    read = reader(aws, executor)
    state(aws, read)
    [first] = items(aws, "snapshot")
    del first["events_expire_at"]
    end = int(times.unix()) + 60
    aws.dynamodb.put_item(
        TableName=aws.tables["states"], Item={**first, "expires_at": {"N": str(end)}}
    )
    append(aws, [{f"m{n}": n} for n in range(101, 201)], kept=True)
    assert state(aws, read).snapshot_version == 100
    assert {int(each["expires_at"]["N"]) for each in items(aws, "snapshot")} == {end}


def _expire(aws: Aws, item: dict[str, Any]) -> None:
    aws.dynamodb.put_item(TableName=aws.tables["states"], Item={**item, "expires_at": {"N": "1"}})


def test_snapshots_hold_sealed_values_only_encrypted(aws: Aws, executor: Executor) -> None:
    aws.add_publishers(publisher())
    append(aws, [{"phone": "5550123"}], sensitive=["/phone"])
    append(aws, [{"n": n} for n in range(2, 102)])
    read = reader(aws, executor)
    opened = state(aws, read)
    assert opened.state["phone"] == "5550123"
    [kept] = items(aws, "snapshot")
    assert b"5550123" not in repr(kept).encode()
    assert "sealed_key" in kept
    again = state(aws, read, caller=AN_ADMIN)
    assert again == replace(opened, snapshot_version=100)
    # A caller that does not see the whole stream gets no snapshot.
    worker = service("worker")
    for each in range(1, 102):
        aws.routings.record([routing(f"planner-task-1-{each}", sub_1="worker")])
    shown = state(aws, read, caller=worker)
    assert (shown.version, shown.snapshot_version) == (101, None)
    assert shown.state["phone"] == {"$encrypted": True}


def test_snapshots_behind_a_sealed_one_are_sealed_as_well(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_reader, "SNAPSHOT_EVERY", 2)
    append(aws, [{"phone": "5550123"}], sensitive=["/phone"])
    read = reader(aws, executor)
    for version in range(2, 7):
        append(aws, [{"n": version}])
        assert state(aws, read).state["phone"] == "5550123"
    kept = items(aws, "snapshot")
    assert [int(each["id"]["S"]) for each in kept] == [2, 4, 6]
    assert all("sealed_key" in each for each in kept)


def test_a_snapshot_opens_only_for_its_own_place(aws: Aws, executor: Executor) -> None:
    append(aws, [{"phone": "1"}], sensitive=["/phone"])
    append(aws, [{"n": n} for n in range(2, 101)])
    other = StreamName("planner", "task/2")
    append(aws, [{"phone": "2"}], other, sensitive=["/phone"])
    append(aws, [{"n": n} for n in range(2, 101)], other)
    read = reader(aws, executor)
    assert state(aws, read).state["phone"] == "1"
    [kept] = items(aws, "snapshot")
    moved = kept["partition"]["S"].replace("task/1", "task/2")
    aws.dynamodb.put_item(TableName=aws.tables["states"], Item={**kept, "partition": {"S": moved}})
    found = state(aws, read, stream=other)
    assert (found.state["phone"], found.snapshot_version) == ("2", None)


def test_a_stranger_sees_the_state_of_what_was_routed_to_it(aws: Aws, executor: Executor) -> None:
    append(aws, [{"n": n} for n in range(1, 8)])
    aws.routings.record([routing(f"planner-task-1-{each}", sub_1="worker") for each in (2, 5)])
    read = reader(aws, executor)
    found = state(aws, read, caller=service("worker"))
    # Nothing says how long the stream is.
    assert (found.version, found.events, found.state) == (5, 2, {"n": 5})
    nobody = state(aws, read, caller=service("nobody"))
    assert (nobody.version, nobody.events, nobody.state) == (0, 0, {})


@pytest.mark.parametrize(
    ("name", "limit", "says"),
    [
        ("MAX_PARTLY_FOLDED", 3, "3 events"),
        ("MAX_EXAMINED", 3, "3 events"),
        ("_MAX_PARTLY_FOLDED_BYTES", 20, "20 bytes"),
    ],
)
def test_the_state_of_a_part_has_limits(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch, name: str, limit: int, says: str
) -> None:
    monkeypatch.setattr(state_reader, name, limit)
    stored = append(aws, [{"n": n} for n in range(4)])
    aws.routings.record([routing(each.id, sub_1="worker") for each in stored])
    with pytest.raises(InvalidRequest, match=f"{says}.*earlier version") as refusal:
        state(aws, reader(aws, executor), caller=service("worker"))
    assert refusal.value.faults[0].pointer == "at_version"
    size = sum(each.payload_bytes for each in stored)
    monkeypatch.setattr(state_reader, name, size if name.endswith("BYTES") else 4)
    assert state(aws, reader(aws, executor), caller=service("worker")).events == 4


def test_a_repeated_request_continues_a_fold_that_took_too_long(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_reader, "SNAPSHOT_EVERY", 2)
    monkeypatch.setattr(state_reader, "MAX_EXAMINED", 4)
    append(aws, [{"n": n} for n in range(1, 11)])
    read = reader(aws, executor)
    with pytest.raises(Unavailable, match="4 versions are folded"):
        state(aws, read)
    with pytest.raises(Unavailable, match="8 versions are folded"):
        state(aws, read)
    assert state(aws, read).state == {"n": 10}
    # By time as well.
    now = iter(range(0, 1000, 10))
    slow = reader(aws, executor, clock=lambda: next(now))
    register(aws, SUM)
    with pytest.raises(Unavailable, match="2 versions are folded"):
        state(aws, slow)
    # What cannot be kept would never come to its end.
    monkeypatch.setattr(snapshots, "MAX_SNAPSHOT_BYTES", 1)
    with pytest.raises(
        InvalidRequest,
        match=r"more than a request can fold, and its state is too large to be kept, up to",
    ):
        state(aws, read)


def test_a_slow_expression_is_folded_by_several_requests(aws: Aws, executor: Executor) -> None:
    """Each request stores a snapshot where its time ended, in the middle of a page."""
    stored = append(aws, [{"n": n} for n in range(1, 131)])
    clock = [0.0]

    def slow(reducer: Reducer, before: bytes, events: Sequence[NumberedEvent]) -> bytes:
        clock[0] += 0.25 * len(events)
        return reduced(reducer, before, events)

    register(aws, SUM)
    read = reader(aws, executor, reduce=slow, clock=lambda: clock[0])
    for folded in (60, 120):
        began = clock[0]
        with pytest.raises(Unavailable, match=f"{folded} versions are folded") as refusal:
            state(aws, read)
        assert refusal.value.headers["retry-after"] == "1"
        assert clock[0] - began <= state_reader.READ_SECONDS + 0.25
    found = state(aws, read)
    assert (found.version, found.events, found.snapshot_version) == (130, 130, 120)
    assert found.state == {"total": sum(range(131)), "last": 130}
    # A failing expression is named by the event, wherever a request began.
    register(aws, Reducer("jsonata", "event.version = 70 ? $error('no') : {}"))
    with pytest.raises(Unavailable, match="60 versions"):
        state(aws, read)
    with pytest.raises(Conflict, match="fails for version 70"):
        state(aws, read)
    # Readers of a part have no snapshots, so the refusal says to ask for less.
    aws.routings.record([routing(each.id, sub_1="worker") for each in stored[:9]])
    clock[0] = 0.0
    quick = reader(aws, executor, reduce=slow, clock=lambda: clock[0] * 10)
    with pytest.raises(InvalidRequest, match=r"fold in 15 s.*earlier version"):
        state(aws, quick, caller=service("worker"))


def test_an_expression_that_takes_its_time_is_folded_all_the_same(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(aws, [{"n": n} for n in range(6)])
    register(aws, Reducer("jsonata", '{"n": $sum([1..10000]) + event.version}'))
    monkeypatch.setattr(state_reader, "READ_SECONDS", 0.001)
    read = reader(aws, executor)
    for folded in range(1, 6):
        with pytest.raises(Unavailable, match=f"{folded} versions are folded"):
            state(aws, read)
    assert state(aws, read).state == {"n": 50_005_006}


def test_a_reducer_that_fails_is_named_with_the_event(aws: Aws, executor: Executor) -> None:
    append(aws, [{"n": 1}, {"n": 0}, {"n": 2}])
    register(aws, Reducer("jsonata", '{"inverse": $string(1 / event.payload.n)}'))
    read = reader(aws, executor)
    assert state(aws, read, 1).state == {"inverse": "1"}
    with pytest.raises(Conflict, match=r"^The reducer fails for version 2: .*\.") as refusal:
        state(aws, read)
    [fault] = refusal.value.faults
    assert fault.pointer == "at_version"
    assert fault.detail.startswith("the reducer fails for version 2: ")
    register(aws, Reducer("jsonata", "event.version"))
    with pytest.raises(Conflict, match="version 1: the state must be an object"):
        state(aws, read)


def test_numbers_stay_as_they_were_sent(aws: Aws, executor: Executor) -> None:
    [first] = append(aws, [{"a": 1}], payload=b'{"total":0.10000000000000001,"big":1e-400}')
    found = state(aws, reader(aws, executor), caller=PLANNER)
    assert {name: str(each.text) for name, each in found.state.items()} == {
        "total": "0.10000000000000001",
        "big": "1e-400",
    }
    assert first.stream == STREAM
