"""A bulk retry is spread over time; the retry of a single dead letter comes at once."""

from concurrent.futures import Executor

import pytest
from event_bus import times
from event_bus.model.delivery import DeliveryKey
from event_bus.queues.lanes import Lanes
from event_bus.recovery.dead_letters import DeadLetterQuery, DeadLetters

from tests.aws import Aws
from tests.builders import AN_ADMIN, delivery


@pytest.fixture
def lane(aws: Aws) -> str:
    return aws.queue()


@pytest.fixture
def dead_letters(aws: Aws, executor: Executor, lane: str) -> DeadLetters:
    lanes = Lanes(aws.sqs, {"http": lane}, executor)
    return DeadLetters(aws.dead_letters, aws.deliveries, lanes, aws.subscriptions)


def store(aws: Aws, letters: int) -> None:
    """Stores dead letters, the one with the greatest number the newest."""
    for number in range(1, letters + 1):
        key = DeliveryKey("evt_1", f"sub_{number}")
        dead = delivery("exhausted", key=key, dead_letter_id=f"dl_{number:03}")
        assert aws.deliveries.record(dead, dead.attempts) is None


@pytest.mark.parametrize("page", [7, 100])
def test_a_bulk_retry_is_spread_over_time(
    aws: Aws, dead_letters: DeadLetters, lane: str, page: int
) -> None:
    store(aws, 33)
    assert dead_letters.retry("dl_030", AN_ADMIN).next_retry_at
    assert dead_letters.retry_all(DeadLetterQuery(limit=page), None, AN_ADMIN) == (32, None)
    sent = {each.subscription_id: each.delay for each in aws.sent_on(lane)}
    # The one that was retried before does not count.
    assert sent.pop("sub_30") == 0
    newest_first = [sent[f"sub_{number}"] for number in range(33, 0, -1) if number != 30]
    assert newest_first == [0] * 10 + [1] * 10 + [2] * 10 + [3] * 2


def test_a_retried_dead_letter_shows_when_its_attempt_is_due(
    aws: Aws, dead_letters: DeadLetters
) -> None:
    store(aws, 41)
    assert dead_letters.retry_all(DeadLetterQuery(), None, AN_ADMIN) == (41, None)
    for number, delay in ((41, 0), (32, 0), (31, 1), (1, 4)):
        reopened = aws.dead_letters.get(f"dl_{number:03}")
        assert reopened
        assert reopened.next_retry_at
        ahead = times.seconds(reopened.next_retry_at) - times.seconds(reopened.updated_at)
        assert delay <= ahead < delay + 0.5


def test_a_single_dead_letter_is_retried_at_once(
    aws: Aws, dead_letters: DeadLetters, lane: str
) -> None:
    store(aws, 12)
    for number in range(1, 13):
        reopened = dead_letters.retry(f"dl_{number:03}", AN_ADMIN)
        assert reopened.next_retry_at == reopened.updated_at
    assert [each.delay for each in aws.sent_on(lane)] == [0] * 12
