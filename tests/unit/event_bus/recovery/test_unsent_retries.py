"""A retry of a dead letter that SQS does not take is left to the next sweep."""

from collections.abc import Sequence
from concurrent.futures import Executor

import pytest
from event_bus.errors import Conflict
from event_bus.maintenance.due import DueSweep
from event_bus.model.delivery import DeliveryKey
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message
from event_bus.queues.sending import NotSent
from event_bus.recovery.dead_letters import DeadLetterQuery, DeadLetters
from event_bus.stores.due_deliveries import DueDeliveries

from tests.aws import Aws
from tests.builders import AN_ADMIN, delivery, service


def store_dead_letter(aws: Aws, number: int, attempts: int) -> None:
    key = DeliveryKey("evt_1", f"sub_{number}")
    dead = delivery("exhausted", key=key, dead_letter_id=f"dl_{number}", attempts=attempts)
    assert aws.deliveries.record(dead, attempts) is None


@pytest.mark.parametrize("refuses", [True, False], ids=["refused", "not taken"])
def test_the_next_sweep_sends_what_a_queue_does_not_take(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch, refuses: bool
) -> None:
    url = aws.queue()
    lanes = Lanes(aws.sqs, {"http": url}, executor)
    dead_letters = DeadLetters(aws.dead_letters, aws.deliveries, lanes, aws.subscriptions)
    store_dead_letter(aws, 1, attempts=4)
    store_dead_letter(aws, 2, attempts=6)

    def send(_: Lanes, messages: Sequence[Message]) -> list[Message]:
        if refuses:
            return list(messages)
        raise NotSent("1 messages: ServiceUnavailable")

    with monkeypatch.context() as patched:
        patched.setattr(Lanes, "send", send)
        assert dead_letters.retry("dl_1", service("worker")).status == "retrying"
        # The first one waits in the table, so that it may be retried once more.
        assert dead_letters.retry_all(DeadLetterQuery(), None, AN_ADMIN) == (2, None)
    due = DueDeliveries(aws.table("deliveries"))
    assert DueSweep(due, aws.deliveries, aws.circuits, lanes).run(30.0) == 2
    sent = {each.subscription_id: each.attempt for each in aws.sent_on(url)}
    assert sent == {"sub_1": 5, "sub_2": 7}
    with pytest.raises(Conflict, match="dl_1 is on its way already"):
        dead_letters.retry("dl_1", service("worker"))
