"""Queues that the bus provides are used once SQS has them ready."""

import json
from typing import Any

import pytest
from event_bus.registry.managed_queues import MAX_RECEIVES, SETTLING_SECONDS, ManagedQueues

from tests.aws import Aws


class Timed:
    """An SQS client that records when each queue is created and first used, in seconds."""

    def __init__(self, aws: Aws) -> None:
        self.now = 0.0
        self.made: dict[str, float] = {}
        self.used: list[tuple[str, float]] = []
        self._client: Any = aws.sqs
        self.exceptions = aws.sqs.exceptions

    def create_queue(self, *, QueueName: str, Attributes: dict[str, str]) -> Any:  # noqa: N803
        if "RedrivePolicy" in Attributes:
            arn = json.loads(Attributes["RedrivePolicy"])["deadLetterTargetArn"]
            self.used.append((arn.rpartition(":")[2], self.now))
        self.made[QueueName] = self.now
        return self._client.create_queue(QueueName=QueueName, Attributes=Attributes)

    def get_queue_attributes(self, **asked: Any) -> Any:
        return self._use("get_queue_attributes", asked)

    def set_queue_attributes(self, **asked: Any) -> Any:
        return self._use("set_queue_attributes", asked)

    def _use(self, name: str, asked: dict[str, Any]) -> Any:
        self.used.append((asked["QueueUrl"].rpartition("/")[2], self.now))
        return getattr(self._client, name)(**asked)

    def sleep(self, seconds: float) -> None:
        """Lets seconds pass."""
        self.now += seconds


@pytest.mark.moto
def test_no_queue_is_used_within_its_first_second(aws: Aws) -> None:
    client: Any = Timed(aws)
    target = ManagedQueues(client, "eventbus-prod-", sleep=client.sleep).make("sub_1", fifo=False)
    assert client.made.keys() == {"eventbus-prod-sub_1", "eventbus-prod-sub_1-redrive"}
    assert {queue for queue, _ in client.used} == client.made.keys()
    for queue, second in client.used:
        assert second >= client.made[queue] + SETTLING_SECONDS, queue
    # Nor does the first event come earlier: the registration is not answered before.
    assert client.now >= client.made["eventbus-prod-sub_1"] + SETTLING_SECONDS
    attributes = aws.sqs.get_queue_attributes(QueueUrl=target.queue_url, AttributeNames=["All"])
    redrive = json.loads(attributes["Attributes"]["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith("eventbus-prod-sub_1-redrive")
    assert int(redrive["maxReceiveCount"]) == MAX_RECEIVES
