"""Messages that the queue hands over again leave their lane only if their attempt is not made."""

from concurrent.futures import Executor
from dataclasses import replace

import pytest
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.pacing import HandOver, Turns
from event_bus.model.enrichment import StaticSource
from event_bus.queues.lanes import Lanes
from event_bus.targets.answer_times import AnswerTimes

from tests.aws import Aws
from tests.builders import delivery, event, message, subscription
from tests.unit.event_bus.delivery.lanes import LaneRun, received, run

__all__ = ["run"]

RECORDS = pytest.mark.parametrize(
    ("status", "attempts", "made"),
    [
        (None, 0, False),
        ("retrying", 1, False),
        ("retrying", 2, True),
        ("delivered", 2, True),
        ("delivered", 1, True),
    ],
)


def record(aws: Aws, status: str | None, attempts: int) -> None:
    """Records the delivery of evt_1 as it stands when the message of its second attempt comes."""
    if status is not None:
        aws.deliveries.record(delivery(status, attempts=attempts), attempts)  # type: ignore[arg-type]


@RECORDS
def test_a_repeated_message_is_enriched_unless_its_attempt_was_made(
    run: LaneRun, aws: Aws, executor: Executor, status: str | None, attempts: int, made: bool
) -> None:
    to = aws.subscriptions.create(subscription(enrichment={"region": StaticSource(json='"eu"')}))
    record(aws, status, attempts)
    own = aws.queue()
    lanes = Lanes(aws.sqs, {"http": run.url, "enrich": own}, executor)
    sent = received(message(event(), to, attempt=2), receives=2)
    assert replace(run.lane, lanes=lanes).process([sent]) == []
    assert run.target.events == []
    assert len(aws.sent_on(own)) == (0 if made else 1)


@RECORDS
def test_a_repeated_message_moves_to_the_paced_lane_unless_its_attempt_was_made(
    aws: Aws, status: str | None, attempts: int, made: bool
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=1))
    record(aws, status, attempts)
    circuits, asked = Circuits(aws.circuits), message(event(), to, attempt=2, delay=7)
    circuits.look_up([to.id])
    batch = [(received(asked, receives=2), asked)]
    moved = HandOver(circuits, aws.paces, aws.deliveries).plan(batch, {to.id: to}).moved
    assert moved == ({} if made else {0: replace(asked, paced=True, delay=0)})


@RECORDS
def test_a_repeated_message_takes_a_turn_unless_its_attempt_was_made(
    aws: Aws, status: str | None, attempts: int, made: bool
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=1))
    record(aws, status, attempts)
    circuits, asked = Circuits(aws.circuits), message(event(), to, attempt=2)
    circuits.look_up([to.id])
    turns = Turns(circuits, aws.paces, aws.deliveries, AnswerTimes(), functions=2)
    plan = turns.plan([(received(asked, receives=2), asked)], {to.id: to})
    assert (plan.moved, plan.side_by_side) == ({}, {} if made else {to.id: 1})
