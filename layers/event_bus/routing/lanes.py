"""Sending messages to the delivery lanes, at the fewest requests."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from event_bus.delivery.message import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH = 10
_BATCH_BYTES = 240 * 1024
"""Below the 256 KiB that every endpoint of SQS takes in one request."""


class NotSent(Exception):
    """A lane refused messages."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """The queues of the delivery lanes.

    Attributes:
        client: The SQS client.
        http: The URL of the HTTP lane's queue.
        executor: Sends batches side by side.
    """

    client: "SQSClient"
    http: str
    executor: Executor

    def send(self, messages: Sequence[Message]) -> None:
        """Sends each message to its lane.

        A message's group is its subscription: SQS then serves the subscriptions of a lane fairly
        (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html).

        Raises:
            NotSent: A lane refused some of them; others may have been sent.
        """
        list(self.executor.map(self._send_batch, _batches(messages)))

    def _send_batch(self, batch: list[tuple[Message, str]]) -> None:
        entries: list[Any] = [
            {
                "Id": str(place),
                "MessageBody": body,
                "MessageGroupId": message.subscription_id,
                "DelaySeconds": message.delay,
            }
            for place, (message, body) in enumerate(batch)
        ]
        for _ in range(3):
            answer = self.client.send_message_batch(QueueUrl=self.http, Entries=entries)
            refused = {each["Id"]: each for each in answer.get("Failed", [])}
            entries = [entry for entry in entries if entry["Id"] in refused]
            if not entries:
                return
        codes = sorted({each["Code"] for each in refused.values()})
        raise NotSent(f"{len(entries)} messages: {', '.join(codes)}")


def _batches(messages: Sequence[Message]) -> Iterator[list[tuple[Message, str]]]:
    batch: list[tuple[Message, str]] = []
    size = 0
    for message in messages:
        body = message.to_json()
        length = len(body.encode())
        if batch and (len(batch) == _BATCH or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((message, body))
        size += length
    if batch:
        yield batch
