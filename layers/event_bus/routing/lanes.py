"""Sending messages to the delivery lanes, at the fewest requests."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from event_bus.batches import batches
from event_bus.delivery.message import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class NotSent(Exception):
    """A lane refused messages."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """The queues of the delivery lanes.

    Attributes:
        client: The SQS client.
        urls: The URLs of the lanes' queues, by the lanes' names.
        executor: Sends batches side by side.
    """

    client: "SQSClient"
    urls: Mapping[str, str]
    executor: Executor

    def send(self, messages: Sequence[Message]) -> None:
        """Sends each message to its lane.

        A message's group is its subscription: SQS then serves the subscriptions of a lane fairly
        (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html).

        Raises:
            NotSent: A lane refused some of them; others may have been sent.
        """
        lanes: dict[str, list[Message]] = {}
        for message in messages:
            lanes.setdefault(message.lane, []).append(message)
        sent = [
            (self.urls[lane], batch)
            for lane, own in lanes.items()
            for batch in batches(
                ((message, message.to_json()) for message in own),
                lambda each: len(each[1].encode()),
            )
        ]
        list(self.executor.map(self._send_batch, sent))

    def _send_batch(self, each: tuple[str, list[tuple[Message, str]]]) -> None:
        url, batch = each
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
            answer = self.client.send_message_batch(QueueUrl=url, Entries=entries)
            refused = {each["Id"]: each for each in answer.get("Failed", [])}
            entries = [entry for entry in entries if entry["Id"] in refused]
            if not entries:
                return
        codes = sorted({each["Code"] for each in refused.values()})
        raise NotSent(f"{len(entries)} messages: {', '.join(codes)}")
