"""Queues that the bus provides: made with their subscription, and removed with it."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus import times
from event_bus.errors import Conflict
from event_bus.targets.sqs import SqsTarget

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_RECEIVES = 5
"""How often a message may be received before it goes to the redrive queue."""

SETTLING_SECONDS = 1.0
"""How many seconds after its creation a queue may be used
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html).
"""

_REMOVED_SECONDS = 60
"""How many seconds after its removal the name of a queue can be used again
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html).
"""

_RETENTION_SECONDS = 14 * 86_400

_HASHED = "put_"

QUEUE_NAME_PREFIXES = ("sub_", _HASHED)
"""How the names of managed queues begin behind the prefix of the stage."""


@dataclass(frozen=True, slots=True)
class ManagedQueues:
    """Makes queues for subscriptions.

    Attributes:
        client: The SQS client.
        prefix: The prefix of their names.
        settling_seconds: How many seconds after its creation a queue may be used.
        sleep: Lets seconds pass.
    """

    client: "SQSClient"
    prefix: str
    settling_seconds: float = SETTLING_SECONDS
    sleep: Callable[[float], None] = times.sleep

    def make(self, subscription_id: str, *, fifo: bool) -> SqsTarget:
        """Makes a subscription's queue, with its redrive queue, and waits until both can be used.

        Args:
            subscription_id: The subscription.
            fifo: Whether it is a FIFO queue.

        Raises:
            Conflict: A queue of the same name was removed a moment ago.
        """
        name = _queue_name(subscription_id)
        _, redrive_arn = self._make(f"{name}-redrive", fifo=fifo)
        redrive = {"deadLetterTargetArn": redrive_arn, "maxReceiveCount": MAX_RECEIVES}
        url, arn = self._make(name, fifo=fifo, RedrivePolicy=orjson.dumps(redrive).decode())
        return SqsTarget(arn, url, managed=True)

    def remove(self, subscription_id: str, *, fifo: bool) -> None:
        """Removes a subscription's queue and its redrive queue, with all that they hold."""
        of_subscription = _queue_name(subscription_id)
        for name in (of_subscription, f"{of_subscription}-redrive"):
            # A queue that is already gone needs no removal.
            with suppress(self.client.exceptions.QueueDoesNotExist):
                url = self.client.get_queue_url(QueueName=self._name(name, fifo=fifo))["QueueUrl"]
                self.client.delete_queue(QueueUrl=url)

    def _make(self, name: str, *, fifo: bool, **attributes: str) -> tuple[str, str]:
        given: Any = {
            "MessageRetentionPeriod": str(_RETENTION_SECONDS),
            "SqsManagedSseEnabled": "true",
            **({"FifoQueue": "true"} if fifo else {}),
            **attributes,
        }
        try:
            # CreateQueue returns an existing queue that has the same attributes.
            answer = self.client.create_queue(
                QueueName=self._name(name, fifo=fifo), Attributes=given
            )
        except self.client.exceptions.QueueDeletedRecently:
            raise Conflict(
                "The queue of this identifier was removed a moment ago, and SQS makes it again "
                f"only after {_REMOVED_SECONDS} seconds. Send the request again then, or choose "
                "another identifier.",
                headers={"retry-after": str(_REMOVED_SECONDS)},
            ) from None
        url = answer["QueueUrl"]
        self.sleep(self.settling_seconds)
        found = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn = found["Attributes"]["QueueArn"]
        self.client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _tls_only(arn)})
        return url, arn

    def _name(self, name: str, *, fifo: bool) -> str:
        return f"{self.prefix}{name}{'.fifo' if fifo else ''}"


def _queue_name(subscription_id: str) -> str:
    if "." not in subscription_id:
        return subscription_id
    # A chosen identifier: the name of a queue holds no dot, and has 80 characters at most.
    return f"{_HASHED}{hashlib.sha256(subscription_id.encode()).hexdigest()[:26]}"


def _tls_only(arn: str) -> str:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return orjson.dumps({"Version": "2012-10-17", "Statement": [statement]}).decode()
