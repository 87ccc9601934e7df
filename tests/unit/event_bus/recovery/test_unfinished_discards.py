"""A dead letter that is discarded holds back no stream, even if the request does not end."""

from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import replace

import pytest
from event_bus.maintenance.due import DueSweep
from event_bus.model.delivery import DeliveryKey
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message
from event_bus.queues.sending import NotSent
from event_bus.recovery.dead_letters import DeadLetters

from tests.aws import Aws
from tests.builders import delivery, service
from tests.simulation.faults import ProcessExit


class BrokenLanes(Lanes):
    """Lanes that take no message."""

    def send(self, _: Sequence[Message]) -> list[Message]:
        raise NotSent("1 messages: ServiceUnavailable")


class CrashingLanes(Lanes):
    """Lanes whose function crashes when it sends a message."""

    def send(self, _: Sequence[Message]) -> list[Message]:
        raise ProcessExit


@pytest.mark.parametrize("attempts", [0, 1])
@pytest.mark.parametrize("lanes", [BrokenLanes, CrashingLanes])
def test_the_sweep_continues_the_stream_of_a_discarded_dead_letter(
    aws: Aws, executor: Executor, lanes: type[Lanes], attempts: int
) -> None:
    key, url = DeliveryKey("evt_1", "sub_1"), aws.queue()
    waiting = delivery("retrying", attempts=attempts, waiting=True, dead_letter_id="dl_001")
    assert aws.deliveries.record(waiting, 1) is None
    dead_letters = DeadLetters(
        aws.dead_letters, aws.deliveries, lanes(aws.sqs, {}, executor), aws.subscriptions
    )
    crashes = pytest.raises(ProcessExit) if lanes is CrashingLanes else nullcontext()
    with crashes:
        dead_letters.discard("dl_001", service("worker"))
    discarded = aws.deliveries.get(key)
    assert discarded
    assert (discarded.dead_letter_status, discarded.waiting) == ("resolved", False)
    assert (discarded.continues, discarded.next_retry_at) == (True, None)
    sweep = DueSweep(aws.due, aws.deliveries, aws.circuits, Lanes(aws.sqs, {"http": url}, executor))
    assert sweep.run(30.0) == 1
    [sent] = aws.sent_on(url)
    # The lane reads the record before anything else.
    assert sent.key == key
    assert sent.attempt > 1 or sent.recorded
    aws.deliveries.continued(discarded)
    ended = aws.deliveries.get(key)
    assert ended == replace(discarded, continues=False)
    assert sweep.run(30.0) == 0
