"""The number and the age of the messages in queues."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from event_bus import times
from event_bus.cache import Cache
from event_bus.log import logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

AGE_SECONDS = 60
"""How long an age is cached: SQS reports to CloudWatch once a minute."""

_STATES: dict["QueueAttributeNameType", str] = {
    "ApproximateNumberOfMessages": "visible",
    "ApproximateNumberOfMessagesNotVisible": "in_flight",
    "ApproximateNumberOfMessagesDelayed": "delayed",
}
# Older values are ignored; SQS may be a few minutes late.
_LOOK_BACK_SECONDS = 300

Depths = dict[tuple[str, ...], float]
"""How many messages there are, by queue and state."""


class Statistics(Protocol):
    """The client of CloudWatch."""

    def get_metric_statistics(self, **asked: Any) -> Any:
        """Returns the statistics of a metric."""


@dataclass(slots=True)
class QueueReader:
    """Reads queues.

    Attributes:
        urls: Their URLs, by name.
        sqs: The client that counts their messages.
        cloudwatch: The client that reads their age.
        executor: Asks in parallel.
        clock: Monotonic clock, in seconds.
    """

    urls: Mapping[str, str]
    sqs: "SQSClient"
    cloudwatch: Statistics
    executor: Executor
    clock: Callable[[], float] = times.steady
    _ages: Cache[str, float | None] = field(init=False)

    def __post_init__(self) -> None:
        self._ages = Cache(AGE_SECONDS, len(self.urls), self.clock)

    def depths(self) -> Depths:
        """Returns the approximate number of messages in each."""
        depths: Depths = {}
        for each in self.executor.map(self._depth, self.urls):
            depths |= each
        return depths

    def ages(self, depths: Depths) -> dict[str, float | None]:
        """Returns the approximate age of the oldest message of each, in seconds.

        Args:
            depths: The number of messages in each; empty queues are not asked.

        Returns:
            0 if there is no message; None if it is not known.
        """
        holding = [name for name in self.urls if any(depths[name, s] for s in _STATES.values())]
        found = self.executor.map(
            lambda name: self._ages.fetch(name, partial(self._age, self.urls[name])), holding
        )
        return {**dict.fromkeys(self.urls, 0.0), **dict(zip(holding, found, strict=True))}

    def oldest(self) -> float | None:
        """Returns the age of the oldest message in any queue, in seconds; None if unknown."""
        longest = 0.0
        for age in self.ages(self.depths()).values():
            if age is None:
                return None
            longest = max(longest, age)
        return longest

    def _depth(self, name: str) -> Depths:
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=self.urls[name], AttributeNames=list(_STATES)
        )["Attributes"]
        return {(name, state): float(attributes[each]) for each, state in _STATES.items()}

    def _age(self, url: str) -> float | None:
        now = times.unix()
        try:
            answer = self.cloudwatch.get_metric_statistics(
                Namespace="AWS/SQS",
                MetricName="ApproximateAgeOfOldestMessage",
                Dimensions=[{"Name": "QueueName", "Value": url.rpartition("/")[2]}],
                StartTime=now - _LOOK_BACK_SECONDS,
                EndTime=now,
                Period=60,
                Statistics=["Maximum"],
            )
        except (BotoCoreError, ClientError):
            # One missing metric must not hide all others.
            logger.exception("age of messages not known", queue=url)
            return None
        newest = max(answer["Datapoints"], key=lambda each: each["Timestamp"], default=None)
        return float(newest["Maximum"]) if newest else None
