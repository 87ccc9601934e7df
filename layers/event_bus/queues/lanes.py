"""Sending messages to the delivery lanes, in as few requests as possible."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from event_bus.batches import batches, blames_content, by_halves
from event_bus.log import logger
from event_bus.queues.message import Message
from event_bus.queues.sending import send_entries

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_RECEIVES = 5
"""How often a queue hands out a message before it moves the message to its redrive queue."""

_AT_ONCE = 64
"""How many requests are prepared together: their messages hold up to 15 MB of text."""

_Packed = tuple[Message, str]
"""A message, and its text on the lane."""

_Refused = tuple[Message, str]
"""A message that its lane refuses, and the reason."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """The queues of the delivery lanes.

    Attributes:
        client: The SQS client.
        urls: The URLs of the lanes' queues, by the lanes' names.
        executor: Sends batches in parallel.
    """

    client: "SQSClient"
    urls: Mapping[str, str]
    executor: Executor

    def send(self, messages: Sequence[Message]) -> list[Message]:
        """Sends each message to its lane.

        A message's group is its subscription: SQS then serves the subscriptions of a lane fairly
        (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html).
        A message that SQS refuses for its content is sent once more without its event, which the
        lane then reads from the table.

        Returns:
            The messages that SQS refuses even so; it would refuse them each time. All others are
            sent.

        Raises:
            NotSent: A lane did not take some of them now; others may have been sent.
        """
        refused = self._send(messages)
        hopeless = [(each, reason) for each, reason in refused if each.event is None]
        if len(hopeless) < len(refused):
            hopeless += self._send([replace(each, event=None) for each, _ in refused if each.event])
        for each, reason in hopeless:
            logger.error(
                "message refused",
                event_id=each.event_id,
                subscription_id=each.subscription_id,
                reason=reason,
            )
        return [each for each, _ in hopeless]

    def _send(self, messages: Sequence[Message]) -> list[_Refused]:
        lanes: dict[str, list[Message]] = {}
        for message in messages:
            lanes.setdefault(message.lane, []).append(message)
        # A lane that this deployment does not have takes nothing.
        refused = [
            (each, "this deployment does not have the lane")
            for name in lanes
            if name not in self.urls
            for each in lanes[name]
        ]
        requests = (
            (self.urls[lane], batch)
            for lane, own in lanes.items()
            if lane in self.urls
            for batch in batches(
                ((message, message.to_json()) for message in own),
                lambda each: len(each[1].encode()),
            )
        )
        # Each message has a copy of its event, and all copies together may exceed the memory.
        while part := list(islice(requests, _AT_ONCE)):
            if len(part) == 1:
                # The caller may be a thread of the executor. If all of them waited here for a free
                # one, they would wait for ever.
                refused += self._send_batch(part[0])
                continue
            for each in self.executor.map(self._send_batch, part):
                refused += each
        return refused

    def _send_batch(self, each: tuple[str, list[_Packed]]) -> list[_Refused]:
        url, batch = each
        reasons = by_halves(batch, partial(self._request, url), _reason)
        return [
            (message, reason)
            for (message, _), reason in zip(batch, reasons, strict=True)
            if reason is not None
        ]

    def _request(self, url: str, batch: Sequence[_Packed]) -> list[str | None]:
        """Sends a batch, and returns why SQS refuses each message for good; None if it does not."""
        entries = [
            {
                "Id": str(place),
                "MessageBody": body,
                "MessageGroupId": message.subscription_id,
                "DelaySeconds": message.delay,
            }
            for place, (message, body) in enumerate(batch)
        ]
        refused = send_entries(self.client, url, entries)
        return [refused.get(str(place)) for place in range(len(batch))]


def _reason(error: ClientError | BotoCoreError) -> str:
    if not blames_content(error):
        raise error
    return str(error)
