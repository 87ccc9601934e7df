"""Several messages of one stream in a batch: one walk delivers the events of all."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from event_bus.model import transitions
from event_bus.model.retry_policy import RetryPolicy
from event_bus.queues.lanes import Lanes
from event_bus.queues.sending import NotSent
from event_bus.stores.cursors import Cursor, CursorStore

from tests.aws import Aws
from tests.builders import message
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, queue_message, run
from tests.unit.event_bus.delivery.ordered_streams import ordered, store

__all__ = ["run"]


def not_sent(*_: object) -> Any:
    raise NotSent("one message")


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts how often the cursor of a stream was asked for."""
    asked: Counter[str] = Counter()
    hold = CursorStore.hold

    def counted(cursors: CursorStore, owner: str, name: str, *more: Any, **days: Any) -> Any:
        asked[name.partition("\n")[2]] += 1
        return hold(cursors, owner, name, *more, **days)

    monkeypatch.setattr(CursorStore, "hold", counted)
    return asked


@pytest.mark.parametrize("last_first", [False, True])
def test_one_walk_delivers_the_events_of_all(
    run: LaneRun, aws: Aws, held: Counter[str], last_first: bool
) -> None:
    to, stored = ordered(aws), store(aws, *(f"evt_{number}" for number in range(1, 6)))
    asked = [message(each, to) for each in stored]
    assert run.take(*(reversed(asked) if last_first else asked)) == []
    assert run.target.events == [each.id for each in stored]
    assert held == {"task/1": 1}
    assert run.sent() == []


def test_each_stream_has_a_walk(run: LaneRun, aws: Aws, held: Counter[str]) -> None:
    to = ordered(aws)
    stored = store(aws, "evt_1", "evt_2") + store(aws, "evt_3", "evt_4", stream="task/2")
    assert run.take(*(message(each, to) for each in stored)) == []
    assert sorted(run.target.events) == [each.id for each in stored]
    assert held == {"task/1": 1, "task/2": 1}


def test_only_one_message_waits_for_what_is_not_routed(run: LaneRun, aws: Aws) -> None:
    to, (first, *later) = ordered(aws), store(aws, "evt_1", "evt_2", "evt_3")
    late = store(aws, "evt_4", routed=False)
    assert run.take(*(message(each, to) for each in [first, *later, *late])) == []
    assert run.target.events == ["evt_1", "evt_2", "evt_3"]
    assert [each.event_id for each in run.sent()] == ["evt_1"]


def test_the_retry_of_the_first_event_continues_the_others(run: LaneRun, aws: Aws) -> None:
    to, stored = ordered(aws), store(aws, "evt_1", "evt_2", "evt_3")
    run.target.script["evt_1"] = REFUSED
    assert run.take(*(message(each, to) for each in stored)) == []
    [retry] = run.sent()
    assert (retry.event_id, retry.attempt) == ("evt_1", 2)
    del run.target.script["evt_1"]
    run.aws.deliveries.record(replace(run.outcome(), next_retry_at=None), 2)
    assert run.take(replace(retry, delay=0)) == []
    assert run.target.events == ["evt_1", "evt_1", "evt_2", "evt_3"]


def test_a_retry_that_comes_early_is_kept_although_a_walk_has_met_its_event(
    run: LaneRun, aws: Aws
) -> None:
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    run.target.script["evt_1"] = REFUSED
    run.take(message(first, to))
    [retry] = run.sent()
    # The clock of this function is behind that of the one that recorded the failure.
    assert run.take(message(second, to), replace(retry, delay=0)) == []
    [again] = run.sent()
    assert (again.event_id, again.attempt) == ("evt_1", 2)
    assert again.delay > 0


def test_a_message_whose_retry_could_not_be_sent_sends_it_beside_a_walk(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    run.target.script["evt_1"] = REFUSED
    with monkeypatch.context() as broken:
        broken.setattr(Lanes, "send", not_sent)
        assert run.take(message(first, to)) == [queue_message(message(first, to)).id]
    assert run.outcome().attempts == 1
    again = queue_message(message(first, to), receives=3)
    assert run.lane.process([queue_message(message(second, to)), again]) == []
    [retry] = run.sent()
    assert (retry.event_id, retry.attempt) == ("evt_1", 2)
    assert retry.delay > 0


def test_a_message_whose_retry_could_not_be_sent_sends_it_while_another_function_walks(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, (first,) = ordered(aws), store(aws, "evt_1")
    run.target.script["evt_1"] = REFUSED
    with monkeypatch.context() as broken:
        broken.setattr(Lanes, "send", not_sent)
        run.take(message(first, to))
    assert first.stream
    assert aws.cursors.hold(to.id, first.stream.key, "cur_of_another", 90)
    assert run.take(message(first, to), receives=2) == []
    assert [(each.event_id, each.attempt) for each in run.sent()] == [("evt_1", 2)]


def test_a_retry_that_a_person_asked_for_is_made_beside_a_walk(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws, retry_policy=RetryPolicy(max_attempts=1))
    first, second, third = store(aws, "evt_1", "evt_2", "evt_3")
    run.target.script["evt_1"] = REFUSED
    run.take(message(first, to))
    del run.target.script["evt_1"]
    reopened = transitions.reopened(run.outcome())
    assert aws.dead_letters.reopen(reopened)
    retry = message(first, to, attempt=2, round_start=reopened.round_start)
    assert run.take(message(second, to), message(third, to), retry) == []
    assert sorted(run.target.events) == ["evt_1", "evt_1", "evt_2", "evt_3"]
    assert run.outcome().status == "delivered"


def test_a_walk_that_lost_its_cursor_speaks_for_no_other_message(
    run: LaneRun, aws: Aws, held: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    release, lost = CursorStore.release, ["cur_of_another"]

    def once(cursors: CursorStore, cursor: Cursor, position: str) -> bool:
        return release(cursors, cursor, position) and not (lost and lost.pop())

    monkeypatch.setattr(CursorStore, "release", once)
    assert run.take(message(first, to), message(second, to)) == []
    assert held == {"task/1": 2}
    assert [each.event_id for each in run.sent()] == ["evt_1"]


def test_a_walk_that_fails_speaks_for_no_other_message(run: LaneRun, aws: Aws) -> None:
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    run.target.script["evt_1"] = RuntimeError("the process lost its network")
    asked = message(first, to), message(second, to)
    assert run.take(*asked) == [queue_message(each).id for each in asked]
    del run.target.script["evt_1"]
    assert run.take(*asked) == []
    assert run.target.events == ["evt_1", "evt_1", "evt_1", "evt_2"]
