"""Slow sources occupy half of the enrichment lane's functions at most."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from event_bus import times
from event_bus.delivery.circuits import CACHE_SECONDS
from event_bus.delivery.source_pacing import (
    FIRST_HELD_SECONDS,
    LONGEST_HELD_SECONDS,
    pace_name,
)
from event_bus.model.enrichment import circuit_name
from event_bus.model.pace import FAST_ANSWERS, SHORTEST_HOLD_SECONDS
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.paces import pace_key

from tests.aws import Aws
from tests.builders import delivery
from tests.faults import broken, not_sent
from tests.interference import before_next
from tests.unit.event_bus.delivery.enriching_batches import SHARE, Batches, batches, external
from tests.unit.event_bus.delivery.enrichments import FAILED, subscribed

__all__ = ["batches"]


@pytest.fixture
def requests(aws: Aws) -> Iterator[list[str]]:
    """The requests to DynamoDB."""
    made: list[str] = []
    operations = ("BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem", "DeleteItem")
    hooks = {name: lambda name=name, **_: made.append(name) for name in operations}
    for name, hook in hooks.items():
        aws.dynamodb.meta.events.register(f"before-send.dynamodb.{name}", hook)
    yield made
    for name, hook in hooks.items():
        aws.dynamodb.meta.events.unregister(f"before-send.dynamodb.{name}", hook)


def test_a_new_subscription_is_on_trial_until_its_first_fast_enrichment(
    batches: Batches, aws: Aws
) -> None:
    to = external(aws)
    taken: list[int] = []
    batches.meanwhile["evt_1"] = lambda: taken.append(batches.leases())
    assert batches.take(*batches.messages(to, "evt_1")) == []
    assert (taken, batches.leases(), batches.onward()) == ([1], 0, ["evt_1"])
    mark = batches.mark()
    assert mark
    assert mark.state == "fast"


def test_a_fast_subscription_costs_one_read_of_its_mark_a_second(
    batches: Batches, aws: Aws, requests: list[str]
) -> None:
    to = external(aws)
    batches.put_mark("fast")
    first, second, third = (batches.messages(to, f"evt_{number}") for number in range(3))
    requests.clear()
    batches.take(*first)
    # The subscription; its mark, with the circuit of its source.
    assert requests == ["BatchGetItem", "BatchGetItem"]
    requests.clear()
    batches.take(*second)
    assert requests == ["BatchGetItem"]
    batches.now[0] += CACHE_SECONDS
    requests.clear()
    batches.take(*third)
    assert requests == ["BatchGetItem", "BatchGetItem"]
    assert batches.onward() == ["evt_0", "evt_1", "evt_2"]


def test_what_the_bus_itself_answers_is_not_measured(
    batches: Batches, aws: Aws, requests: list[str]
) -> None:
    own = batches.messages(subscribed(aws), "evt_1")
    batches.seconds["evt_1"] = 5.0
    requests.clear()
    batches.take(*own)
    assert requests == ["BatchGetItem"]
    assert batches.mark() is None


@pytest.mark.parametrize("state", [None, "fast"])
def test_slow_sources_are_marked_and_hold_a_lease_while_they_are_asked(
    batches: Batches, aws: Aws, state: str | None
) -> None:
    to = external(aws)
    if state:
        batches.put_mark(state)
    seen: list[object] = []

    def slow() -> None:
        batches.timers.pass_all()
        mark = batches.mark()
        seen.append((mark.state if mark else None, batches.leases()))

    batches.meanwhile["evt_1"] = slow
    batches.take(*batches.messages(to, "evt_1"))
    assert seen == [("slow", 1)]
    assert (batches.leases(), batches.onward()) == (0, ["evt_1"])
    # Its subscriber is not marked.
    assert aws.paces.get("sub_1") is None


def test_a_function_that_waits_already_takes_a_lease_beyond_the_limit(
    batches: Batches, aws: Aws
) -> None:
    to = external(aws)
    batches.put_mark("fast")
    batches.occupy(SHARE)
    seen: list[int] = []

    def slow() -> None:
        batches.timers.pass_all()
        seen.append(batches.leases())

    batches.meanwhile["evt_1"] = slow
    batches.take(*batches.messages(to, "evt_1"))
    assert seen == [SHARE + 1]
    assert batches.leases() == SHARE


def test_sources_that_were_seen_to_be_slow_at_the_end_alone_are_marked(
    batches: Batches, aws: Aws
) -> None:
    to = external(aws)
    batches.put_mark("fast")
    batches.seconds["evt_1"] = 1.5
    batches.take(*batches.messages(to, "evt_1"))
    mark = batches.mark()
    assert mark
    assert (mark.state, batches.leases()) == ("slow", 0)


def test_slow_messages_without_a_lease_come_again_later(batches: Batches, aws: Aws) -> None:
    slow, fast = external(aws), external(aws, "sub_2")
    batches.put_mark("slow")
    batches.put_mark("fast", "sub_2")
    batches.occupy(SHARE)
    mixed = [*batches.messages(slow, "evt_1"), *batches.messages(fast, "evt_2")]
    assert batches.take(*mixed) == []
    assert (batches.asked, batches.onward()) == (["evt_2"], ["evt_2"])
    [again] = batches.back()
    assert (again.attempt, again.times_held) == (1, 1)
    delays = [again.delay]
    for _ in range(30):
        batches.start()
        batches.take(replace(again, delay=0))
        [again] = batches.back()
        delays.append(again.delay)
    assert delays[0] <= FIRST_HELD_SECONDS < delays[3] < delays[6] < delays[9]
    assert min(delays[10:]) >= LONGEST_HELD_SECONDS / 2
    assert max(delays) <= LONGEST_HELD_SECONDS
    # It has its lease as soon as one is free, and goes on without a trace of its wait.
    batches.occupy(SHARE - 1)
    batches.start()
    assert batches.take(replace(again, delay=0)) == []
    [onward] = aws.sent_on(batches.target)
    assert (onward.event_id, onward.attempt, onward.times_held) == ("evt_1", 1, 0)
    assert batches.leases() == SHARE - 1


def test_a_message_without_a_lease_keeps_count_of_its_receipts(batches: Batches, aws: Aws) -> None:
    to = external(aws)
    batches.put_mark("slow")
    batches.occupy(SHARE)
    [sent] = batches.messages(to, "evt_1")
    assert batches.take(sent, receives=3) == []
    [again] = batches.back()
    assert again.receives == 2
    # It was received too often to wait again, so the queue gives it up in the end.
    kept = batches.take(replace(again, delay=0), receives=4)
    assert (len(kept), batches.back(), batches.asked) == (1, [], [])


def test_slow_sources_leave_leases_for_subscriptions_on_trial(batches: Batches, aws: Aws) -> None:
    slow, new = external(aws), external(aws, "sub_2")
    batches.put_mark("slow")
    batches.occupy(SHARE)
    batches.take(*batches.messages(slow, "evt_1"), *batches.messages(new, "evt_2"))
    assert batches.onward() == ["evt_2"]
    assert [each.event_id for each in batches.back()] == ["evt_1"]
    assert batches.leases() == SHARE


def test_subscriptions_on_trial_leave_functions_for_the_others(batches: Batches, aws: Aws) -> None:
    to = external(aws)
    batches.occupy(SHARE + 1)
    batches.take(*batches.messages(to, "evt_1"))
    assert (batches.onward(), len(batches.back())) == ([], 1)


def test_the_lease_of_a_function_that_crashed_ends(batches: Batches, aws: Aws) -> None:
    to = external(aws)
    batches.put_mark("slow")
    batches.occupy(SHARE, seconds=-1.0)
    batches.take(*batches.messages(to, "evt_1"))
    assert batches.onward() == ["evt_1"]


def test_the_lease_is_returned_when_the_last_slow_message_has_ended(
    batches: Batches, aws: Aws
) -> None:
    slow, fast = external(aws), external(aws, "sub_2")
    batches.put_mark("slow")
    batches.put_mark("fast", "sub_2")
    seen: list[int] = []
    for name in ("evt_1", "evt_2", "evt_3"):
        batches.meanwhile[name] = lambda: seen.append(batches.leases())
    batches.found["evt_2"] = FAILED
    batches.take(*batches.messages(slow, "evt_1", "evt_2"), *batches.messages(fast, "evt_3"))
    assert seen == [1, 1, 0]


def test_the_others_of_a_batch_do_not_wait_for_slow_messages(batches: Batches, aws: Aws) -> None:
    slow, fast = external(aws), external(aws, "sub_2")
    batches.put_mark("slow")
    batches.put_mark("fast", "sub_2")
    seen: list[list[str]] = []
    batches.meanwhile["evt_3"] = lambda: seen.append(batches.onward())
    batches.take(*batches.messages(fast, "evt_1", "evt_2"), *batches.messages(slow, "evt_3"))
    assert seen == [["evt_1", "evt_2"]]
    assert batches.onward() == ["evt_3"]


def test_slow_sources_are_fast_again_after_some_fast_answers(
    batches: Batches, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = external(aws)
    now = times.unix()
    batches.put_mark("slow", since=now)
    states: list[str] = []
    for number in range(FAST_ANSWERS + 1):
        moment = now + (SHORTEST_HOLD_SECONDS if number == FAST_ANSWERS else number)
        monkeypatch.setattr(times, "unix", lambda moment=moment: moment)
        batches.start()
        batches.take(*batches.messages(to, f"evt_{number}"))
        mark = batches.mark()
        assert mark
        states.append(mark.state)
    assert states == ["slow"] * FAST_ANSWERS + ["fast"]


def test_a_message_whose_attempt_is_recorded_needs_no_lease(batches: Batches, aws: Aws) -> None:
    to = external(aws)
    batches.put_mark("slow")
    batches.occupy(SHARE)
    aws.deliveries.record(delivery("delivered"), 1)
    assert batches.take(*batches.messages(to, "evt_1"), receives=2) == []
    assert (batches.asked, batches.back(), batches.onward()) == ([], [], [])


def test_a_paused_subscription_needs_no_lease(batches: Batches, aws: Aws) -> None:
    to = external(aws, status="paused")
    batches.put_mark("slow")
    batches.occupy(SHARE)
    batches.take(*batches.messages(to, "evt_1"))
    assert (batches.asked, batches.back()) == ([], [])


def test_events_are_enriched_while_marks_cannot_be_read(
    batches: Batches, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = external(aws)
    batches.put_mark("fast")
    batches.take(*batches.messages(to, "evt_1"))
    batches.now[0] += CACHE_SECONDS

    def unread(*_: object, **__: object) -> None:
        raise broken()

    monkeypatch.setattr(CircuitStore, "with_paces", unread)
    assert batches.take(*batches.messages(to, "evt_2")) == []
    assert batches.onward() == ["evt_1", "evt_2"]


def test_messages_come_again_if_no_lease_can_be_taken(batches: Batches, aws: Aws) -> None:
    to = external(aws)
    batches.put_mark("slow")
    own = batches.messages(to, "evt_1")
    with not_sent(aws.dynamodb, "PutItem"):
        assert batches.take(*own) == []
    assert ([each.times_held for each in batches.back()], batches.asked) == ([1], [])


def test_leases_that_functions_take_at_the_same_time_are_all_counted(
    batches: Batches, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = external(aws)
    batches.put_mark("slow")
    seen: list[int] = []
    batches.meanwhile["evt_1"] = lambda: seen.append(batches.leases())
    before_next(aws, monkeypatch, "put_item", lambda: batches.occupy(1))
    batches.take(*batches.messages(to, "evt_1"))
    assert (seen, batches.leases()) == ([2], 1)


def test_a_part_with_the_name_of_a_pace_has_a_circuit_of_its_own(batches: Batches) -> None:
    [key] = pace_key(pace_name("sub_1")).values()
    assert key["S"] != circuit_name("sub_1", "pace")
    assert key["S"] != pace_key("sub_1")["subscription_id"]["S"]
