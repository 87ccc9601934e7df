"""Messages that share their batches with one that crashes its function are delivered without it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest
from event_bus.delivery.queue_message import QueueMessage
from event_bus.model.outcome import Outcome
from event_bus.model.retry_policy import RetryPolicy
from event_bus.queues.lanes import MAX_RECEIVES
from event_bus.queues.message import from_json
from event_bus.targets.transport import DeliveryRequest

from tests.aws import Aws
from tests.builders import event, message, subscription
from tests.unit.event_bus.delivery.enriching_batches import Batches, batches, external
from tests.unit.event_bus.delivery.lanes import (
    REFUSED,
    LaneRun,
    ScriptedTransport,
    queue_message,
    run,
)

__all__ = ["batches", "run"]

VISIBILITY_SECONDS = 360


class ProcessExit(BaseException):
    """The process of the function has ended."""


def crashing(target: ScriptedTransport, event_id: str) -> None:
    """Ends the process in each request that has an event."""
    deliver = target.deliver

    def deliver_or_crash(requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        if any(each.event.id == event_id for each in requests):
            raise ProcessExit
        return deliver(requests)

    target.deliver = deliver_or_crash  # type: ignore[method-assign]


def in_own_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives each message that is sent apart a delay that no other has."""
    numbers = count()
    monkeypatch.setattr("event_bus.delivery.messages.random.randint", lambda *_: next(numbers))


def given_up(run: LaneRun, *sent: QueueMessage) -> list[str]:
    """Passes messages on as SQS does, until none is left.

    Returns:
        The events of the messages that went to the redrive queue.
    """
    numbers = count()
    ended: list[str] = []
    waiting = [(0, each) for each in sent]
    while waiting:
        now = min(at for at, _ in waiting)
        batch = [each for at, each in waiting if at == now]
        waiting = [(at, each) for at, each in waiting if at != now]
        try:
            kept = run.lane.process(batch)
        except ProcessExit:
            kept = [each.id for each in batch]
        for each in batch:
            if each.id in kept and each.receives == MAX_RECEIVES:
                ended.append(from_json(each.body).event_id)
            elif each.id in kept:
                again = replace(each, receives=each.receives + 1)
                waiting.append((now + VISIBILITY_SECONDS, again))
        for new in run.sent():
            waiting.append((now + new.delay, QueueMessage(f"m-{next(numbers)}", 1, new.to_json())))
    return ended


def test_the_others_of_a_batch_are_not_given_up_with_the_message_that_crashes_it(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_own_seconds(monkeypatch)
    run.target.batches = True
    crashing(run.target, "evt_3")
    to = aws.subscriptions.create(subscription())
    names = [f"evt_{number}" for number in range(1, 6)]
    assert given_up(run, *(queue_message(message(event(name), to)) for name in names)) == ["evt_3"]
    names.remove("evt_3")
    assert run.target.events == names
    assert {run.outcome(name).status for name in names} == {"delivered"}


def test_a_message_that_is_sent_apart_sends_the_retry_that_it_could_not_send(
    run: LaneRun, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(retry_policy=RetryPolicy(schedule=[600])))
    run.target.script = {"evt_1": REFUSED, "evt_2": REFUSED}
    sent = [message(event(name), to) for name in ("evt_1", "evt_2")]
    assert run.take(*sent) == []
    # The function crashes here, so the queue hands out the messages again.
    assert len(run.sent()) == 2
    assert run.take(*sent, receives=2) == []
    apart = run.sent()
    assert [(each.event_id, each.attempt) for each in apart] == [("evt_1", 1), ("evt_2", 1)]
    for number, each in enumerate(apart):
        again = QueueMessage(f"m-{number}", 1, each.to_json())
        assert run.lane.process([again]) == []
        [retry] = run.sent()
        assert (retry.event_id, retry.attempt, retry.delay > 0) == (each.event_id, 2, True)
    assert run.target.events == ["evt_1", "evt_2"]


@pytest.mark.parametrize(("receives", "alone"), [(1, False), (2, True), (3, False)])
def test_a_message_is_sent_apart_at_its_second_receipt_unless_it_is_alone(
    run: LaneRun, aws: Aws, receives: int, alone: bool
) -> None:
    to = aws.subscriptions.create(subscription())
    names = ["evt_1"] if alone else ["evt_1", "evt_2"]
    assert run.take(*(message(event(name), to) for name in names), receives=receives) == []
    assert sorted(run.target.events) == names
    assert run.sent() == []


def test_events_to_be_enriched_are_sent_apart_as_well(batches: Batches, aws: Aws) -> None:
    to = external(aws)
    names = ["evt_1", "evt_2"]
    assert batches.take(*batches.messages(to, *names), receives=2) == []
    assert (batches.asked, batches.onward()) == ([], [])
    back = batches.back()
    assert [(each.event_id, each.receives) for each in back] == [("evt_1", 1), ("evt_2", 1)]
    assert all(each.origin for each in back)
    assert batches.take(*back) == []
    assert batches.asked == batches.onward() == names
