"""Sweeps find unfinished work, and do nothing twice."""

from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
from event_bus import times
from event_bus.maintenance.crashed import CrashedMessages
from event_bus.maintenance.due import INTERVAL_SECONDS, DueSweep
from event_bus.maintenance.unrouted import UnroutedSweep
from event_bus.model.delivery import Delivery, DeliveryKey, DeliveryStatus
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import next_message
from event_bus.queues.unroutable import UnroutableQueue
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.due_deliveries import DueDeliveries, DueDelivery
from event_bus.stores.event_items import is_odd

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LARGE_PAYLOAD, delivery, event, message, routing, subscription
from tests.interference import before_next


@dataclass(frozen=True, slots=True)
class LateIndex(DueDeliveries):
    """Its index shows what has been due once more."""

    shown: list[DueDelivery] = field(default_factory=list)

    def page(self, shard: int, until: str, limit: int) -> list[DueDelivery]:
        found = DueDeliveries.page(self, shard, until, limit)
        self.shown.extend(found)
        return found or [each for each in self.shown if shard == 0]


def numbers(aws: Aws, url: str) -> list[tuple[str, int]]:
    """The events and attempts that were sent to a lane."""
    return [(each.event_id, each.attempt) for each in aws.sent_on(url)]


@pytest.mark.moto
def test_a_due_delivery_is_sent_once(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The time of the test does not depend on how busy the machine is.
    now = [times.unix()]
    monkeypatch.setattr(times, "unix", lambda: now[0])
    url = aws.queue()
    due = times.after(0.95 - INTERVAL_SECONDS)
    waiting = delivery("retrying", attempts=2, next_retry_at=due, waiting=True)
    aws.deliveries.record(waiting, 2)
    late = LateIndex(aws.table("deliveries"))
    lanes = Lanes(aws.sqs, {"http": url}, executor)
    sweep = DueSweep(late, aws.deliveries, aws.circuits, lanes, clock=lambda: 0.0)
    assert sweep.run(1.0) == 1
    now[0] += 0.1
    assert sweep.run(1.0) == 0
    assert numbers(aws, url) == [("evt_1", 3)]


def test_an_event_that_was_never_routed_is_found_when_its_time_has_come(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [times.unix()]
    monkeypatch.setattr(times, "unix", lambda: now[0])
    url = aws.queue()
    sweep = UnroutedSweep(
        aws.events, aws.routings, aws.cursors, UnroutableQueue(aws.sqs, url), executor
    )

    def store(name: str, ago: float) -> None:
        stored = event(name, timestamp=times.after(-ago))
        aws.events.put(replace(stored, created_at=times.now()), RETENTION_DAYS)

    store("evt_1", ago=0)
    store("evt_routed", ago=0)
    aws.routings.record([routing("evt_routed")])
    assert sweep.run() == 0
    # It is stored behind the sweeper's back: its time is before that of the sweep.
    now[0] += 100
    store("evt_2", ago=290)
    store("evt_3", ago=86_400)
    # Earlier events that had these ids were routed.
    before = [replace(routing(each), routed_at=times.after(-3_000)) for each in ("evt_2", "evt_3")]
    aws.routings.record(before)
    now[0] += 1_000
    assert sweep.run() == 3
    assert sweep.run() == 0
    found = {orjson.loads(body)["event_id"] for body in aws.take(url)}
    assert found == {"evt_1", "evt_2", "evt_3"}


def crashed(aws: Aws, executor: Executor, url: str) -> CrashedMessages:
    lanes = Lanes(aws.sqs, {"http": url}, executor)
    return CrashedMessages(aws.deliveries, lambda: aws.events, aws.subscriptions, lanes)


def test_the_delivery_of_a_crashed_message_is_retried_later(aws: Aws, executor: Executor) -> None:
    to, url = aws.subscriptions.create(subscription()), aws.queue()
    crashed(aws, executor, url).take("m-1", message(event(), to).to_json())
    letter = aws.deliveries.get(DeliveryKey("evt_1", "sub_1"))
    assert letter
    assert (letter.status, letter.attempts, letter.waiting) == ("retrying", 1, True)
    assert letter.last_error
    assert letter.last_error.code == "function_crashed"
    assert letter.dead_letter_id
    assert aws.sent(url) == []


@pytest.mark.parametrize("status", ["delivered", "retrying"])
@pytest.mark.parametrize("carried", [True, False], ids=["carried", "large"])
def test_a_crashed_message_is_not_taken_for_one_of_a_former_event_with_its_id(
    aws: Aws, executor: Executor, carried: bool, status: DeliveryStatus
) -> None:
    former = times.after(-86_400 * RETENTION_DAYS)
    assert aws.deliveries.record(delivery(status, attempts=3, stored_at=former), 3) is None
    to, url = aws.subscriptions.create(subscription()), aws.queue()
    sent = message(aws.events.put(event(), RETENTION_DAYS)[1], to)
    sent = sent if carried else replace(sent, event=None)
    crashed(aws, executor, url).take("m-1", sent.to_json())
    letter = aws.deliveries.get(DeliveryKey("evt_1", "sub_1"))
    assert letter
    assert (letter.status, letter.attempts, letter.waiting) == ("retrying", 1, True)
    assert letter.last_error
    assert letter.last_error.code == "function_crashed"


def test_a_stream_continues_behind_an_exhausted_crashed_message(
    aws: Aws, executor: Executor
) -> None:
    made = subscription(ordered=True)
    to = aws.subscriptions.create(
        replace(made, retry_policy=replace(made.retry_policy, max_attempts=1))
    )
    url = aws.queue()
    crashed(aws, executor, url).take("m-1", message(event(), to).to_json())
    letter = aws.deliveries.get(DeliveryKey("evt_1", "sub_1"))
    assert letter
    assert letter.status == "exhausted"
    assert numbers(aws, url) == [("evt_1", 2)]


def test_a_crashed_message_does_not_change_a_settled_delivery(aws: Aws, executor: Executor) -> None:
    to, url = aws.subscriptions.create(subscription()), aws.queue()
    aws.deliveries.record(delivery(), 1)
    crashed(aws, executor, url).take("m-1", message(event(), to).to_json())
    letter = aws.deliveries.get(DeliveryKey("evt_1", "sub_1"))
    assert letter
    assert letter.status == "delivered"
    assert numbers(aws, url) == [("evt_1", 2)]


def test_a_delivery_that_another_function_settled_lets_its_stream_continue(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, url = aws.subscriptions.create(subscription(ordered=True)), aws.queue()
    aws.deliveries.record(delivery(), 1)
    # The record is read just before the other one writes it.
    monkeypatch.setattr(DeliveryStore, "get", lambda _store, _key: None)
    crashed(aws, executor, url).take("m-1", message(event(), to).to_json())
    assert numbers(aws, url) == [("evt_1", 2)]


def test_a_given_up_message_of_a_deleted_subscription_is_dropped(
    aws: Aws, executor: Executor
) -> None:
    crashed(aws, executor, aws.queue()).take("m-1", message(event(), subscription()).to_json())
    letter = aws.deliveries.get(DeliveryKey("evt_1", "sub_1"))
    assert letter
    assert (letter.status, letter.dead_letter_id) == ("dropped", None)
    assert letter.last_error
    assert letter.last_error.code == "subscription_deleted"


def retried_by_a_person(aws: Aws, attempts: int) -> Delivery:
    """Ends a delivery, and has a person retry it at once."""
    asked = max(1, attempts)
    aws.deliveries.record(delivery("exhausted", attempts=attempts, dead_letter_id="dl_1"), asked)
    letter = aws.dead_letters.get("dl_1")
    assert letter
    return aws.retried(letter)


@pytest.mark.parametrize("attempts", [0, 1])
@pytest.mark.parametrize("late", ["before it reads", "between reading and writing"])
def test_a_crashed_message_does_not_end_the_retry_of_a_person(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch, late: str, attempts: int
) -> None:
    made = subscription()
    last = replace(made, retry_policy=replace(made.retry_policy, max_attempts=1))
    to, url = aws.subscriptions.create(last), aws.queue()
    reopened: list[Delivery] = []

    def retry() -> None:
        reopened.append(retried_by_a_person(aws, attempts))

    if late == "before it reads":
        retry()
    else:
        before_next(aws, monkeypatch, "update_item", retry)
    crashed(aws, executor, url).take("m-1", message(event(), to).to_json())
    assert aws.deliveries.get(DeliveryKey("evt_1", "sub_1")) == reopened[0]
    assert aws.sent(url) == []


@pytest.mark.parametrize("attempts", [0, 1])
def test_the_crashed_message_of_a_retry_counts_as_its_attempt(
    aws: Aws, executor: Executor, attempts: int
) -> None:
    aws.subscriptions.create(subscription())
    sent = next_message(retried_by_a_person(aws, attempts))
    crashed(aws, executor, aws.queue()).take("m-2", sent.to_json())
    letter = aws.deliveries.get(DeliveryKey("evt_1", "sub_1"))
    assert letter
    assert (letter.status, letter.attempts, letter.waiting) == ("retrying", attempts + 1, True)
    assert (letter.round_start, letter.reopened) == (attempts, 1)


@pytest.mark.parametrize("claimed", [False, True])
@pytest.mark.parametrize("payload", [{"n": 1}, LARGE_PAYLOAD], ids=["small", "large"])
def test_the_record_of_a_crash_tells_the_type_and_the_stream_of_the_event(
    aws: Aws, executor: Executor, payload: dict[str, Any], claimed: bool
) -> None:
    to, url = aws.subscriptions.create(subscription(ordered=True)), aws.queue()
    about = event(payload=payload, metadata={"stream_id": "order/1", "stream_version": 1})
    aws.events.put(about, RETENTION_DAYS)
    sent = message(about, to)
    if claimed:
        # A claim records the delivery before its attempt.
        assert aws.claims.take(sent.first_record(None), "clm_1", 90, once=False).epoch == 1
    crashed(aws, executor, url).take("m-1", sent.to_json())
    letter = aws.deliveries.get(DeliveryKey("evt_1", "sub_1"))
    assert letter
    assert (letter.status, letter.attempts, letter.waiting) == ("retrying", 1, True)
    assert about.stream
    assert letter.stream == about.stream.key
    assert (letter.event_type, letter.stored_at) == (about.type, about.created_at)


def test_a_message_crashes_whose_event_has_expired(aws: Aws, executor: Executor) -> None:
    to = aws.subscriptions.create(subscription(ordered=True))
    sent = message(event(payload=LARGE_PAYLOAD), to)
    crashed(aws, executor, aws.queue()).take("m-1", sent.to_json())
    letter = aws.deliveries.get(DeliveryKey("evt_1", "sub_1"))
    assert letter
    assert (letter.status, letter.stream, letter.event_type) == ("retrying", "", "")


@pytest.mark.parametrize("lost", [False, True])
def test_a_message_crashes_whose_event_is_archived(
    aws: Aws, executor: Executor, lost: bool
) -> None:
    to = aws.subscriptions.create(subscription(ordered=True))
    about = event(payload=LARGE_PAYLOAD, metadata={"stream_id": "order/1", "stream_version": 1})
    about = replace(about, kept=True)
    aws.events.put(about, RETENTION_DAYS)
    archive = aws.event_archive(executor)
    archive.move(archive.kept([about.id], odd=is_odd(about)))
    if lost:
        aws.lose_archived(about.id)
    crashed(aws, executor, aws.queue()).take("m-1", message(about, to).to_json())
    letter = aws.deliveries.get(DeliveryKey("evt_1", "sub_1"))
    assert letter
    assert about.stream
    assert (letter.status, letter.stream, letter.event_type) == (
        ("retrying", "", "") if lost else ("retrying", about.stream.key, about.type)
    )
