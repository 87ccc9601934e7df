"""How many messages lie in queues, and for how long the oldest does."""

from concurrent.futures import Executor

import pytest
from event_bus.metrics.queues import AGE_SECONDS, QueueReader

from tests.aws import Aws
from tests.clock import Clock
from tests.cloudwatch import FAILURES, CloudWatch

pytestmark = pytest.mark.moto


class Some:
    """Two queues, and who knows how old their messages are."""

    def __init__(self, aws: Aws, executor: Executor) -> None:
        self.aws, self.clock, self.cloudwatch = aws, Clock(), CloudWatch()
        self.urls = {"http_lane": aws.queue(), "replay": aws.queue()}
        self.queues = QueueReader(self.urls, aws.sqs, self.cloudwatch, executor, self.clock)

    def name(self, queue: str) -> str:
        return self.urls[queue].rpartition("/")[2]

    def send(self, queue: str, delay: int = 0) -> None:
        self.aws.sqs.send_message(QueueUrl=self.urls[queue], MessageBody="x", DelaySeconds=delay)

    def ages(self) -> dict[str, float | None]:
        return self.queues.ages(self.queues.depths())


@pytest.fixture
def some(aws: Aws, executor: Executor) -> Some:
    return Some(aws, executor)


def test_messages_are_counted_by_queue_and_state(some: Some) -> None:
    for delay in (0, 0, 0, 900):
        some.send("http_lane", delay)
    some.aws.sqs.receive_message(QueueUrl=some.urls["http_lane"], MaxNumberOfMessages=1)
    assert some.queues.depths() == {
        ("http_lane", "visible"): 2,
        ("http_lane", "in_flight"): 1,
        ("http_lane", "delayed"): 1,
        ("replay", "visible"): 0,
        ("replay", "in_flight"): 0,
        ("replay", "delayed"): 0,
    }


@pytest.mark.parametrize("state", ["visible", "in_flight", "delayed"])
def test_the_age_of_what_a_queue_holds_is_that_which_sqs_told_last(some: Some, state: str) -> None:
    some.send("http_lane", 900 if state == "delayed" else 0)
    if state == "in_flight":
        some.aws.sqs.receive_message(QueueUrl=some.urls["http_lane"])
    some.cloudwatch.ages[some.name("http_lane")] = {130: 900, 70: 75, 190: 20}
    assert some.ages() == {"http_lane": 75, "replay": 0}
    assert some.queues.oldest() == 75


def test_empty_queues_are_not_asked_for_their_age(some: Some) -> None:
    some.cloudwatch.ages[some.name("replay")] = {70: 4_000}
    assert some.ages() == {"http_lane": 0, "replay": 0}
    assert some.queues.oldest() == 0
    assert some.cloudwatch.asked == []


@pytest.mark.parametrize("ages", [{}, {400: 3_000}])
def test_an_old_statistic_is_ignored(some: Some, ages: dict[float, float]) -> None:
    some.send("http_lane")
    some.send("replay")
    some.cloudwatch.ages = {some.name("http_lane"): ages, some.name("replay"): {10: 12}}
    assert some.ages() == {"http_lane": None, "replay": 12}
    # Not the oldest of those that are known: it would be too young.
    assert some.queues.oldest() is None


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_without_cloudwatch_only_the_ages_are_unknown(some: Some, failure: Exception) -> None:
    some.send("http_lane")
    some.cloudwatch.failing = failure
    assert some.ages() == {"http_lane": None, "replay": 0}
    assert some.queues.depths()["http_lane", "visible"] == 1


@pytest.mark.parametrize("failing", [False, True])
def test_cloudwatch_is_asked_once_a_minute_for_each_queue(some: Some, failing: bool) -> None:
    some.send("http_lane")
    some.cloudwatch.failing = FAILURES[0] if failing else None
    some.ages()
    some.send("replay")
    some.clock.now += AGE_SECONDS - 1
    some.ages()
    assert sorted(some.cloudwatch.asked) == sorted([some.name("http_lane"), some.name("replay")])
    some.clock.now += 1
    some.ages()
    assert some.cloudwatch.asked[2:] == [some.name("http_lane")]
