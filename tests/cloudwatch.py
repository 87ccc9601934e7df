"""CloudWatch as far as it knows how old the messages of queues are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from event_bus import times

from tests.faults import broken


@dataclass
class CloudWatch:
    """Tells what a test says that SQS has published.

    Attributes:
        ages: The age of the oldest message, by how many seconds ago SQS said so, by queue.
        failing: What it fails with, if it does.
        asked: The queues that were asked for.
    """

    ages: dict[str, Mapping[float, float]] = field(default_factory=dict)
    failing: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def get_metric_statistics(self, **asked: Any) -> Any:
        assert (asked["Namespace"], asked["MetricName"], asked["Period"]) == (
            "AWS/SQS",
            "ApproximateAgeOfOldestMessage",
            60,
        )
        [dimension] = asked["Dimensions"]
        assert dimension["Name"] == "QueueName"
        self.asked.append(dimension["Value"])
        if self.failing:
            raise self.failing
        now = times.unix()
        points = [
            {"Timestamp": datetime.fromtimestamp(now - ago, UTC), "Maximum": age}
            for ago, age in self.ages.get(dimension["Value"], {}).items()
            if asked["StartTime"] <= now - ago < asked["EndTime"]
        ]
        return {"Datapoints": points}


FAILURES = [
    broken(),
    ClientError({"Error": {"Code": "Throttling", "Message": "slow"}}, "GetMetricStatistics"),
    ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetMetricStatistics"),
]
"""What it may fail with."""
