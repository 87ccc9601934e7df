"""Messages about read models, in the queue of replays.

Read models share the queue of replays, since both continue page by page. A message names what may
have changed. The tables tell what is to be done, so a message may come twice or late. The group of
a message is the service that publishes the streams.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus.aws_text import json_text
from event_bus.batches import MOST, chunks
from event_bus.model.stream_name import StreamName
from event_bus.queues.sending import send_bodies

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_ENDED_SECONDS = 120
"""The time after which no function writes to a generation that has ended, in seconds.

A function may have read the read model just before. It runs for a shorter time than this."""


@dataclass(frozen=True, slots=True)
class ProjectionQueue:
    """Requests updates of read models.

    Attributes:
        client: The SQS client.
        url: The queue's URL.
    """

    client: "SQSClient"
    url: str

    def changed(self, streams: Iterable[StreamName]) -> None:
        """Requests updates of the states of streams.

        Raises:
            NotSent: The queue did not take the message of each stream.
        """
        for chunk in chunks(list(dict.fromkeys(streams)), MOST):
            bodies, groups = map(_changed, chunk), (each.source for each in chunk)
            send_bodies(self.client, self.url, [*bodies], [*groups])

    def retry(self, stream: StreamName, delay: int) -> None:
        """Has the states of a stream brought up to date after some seconds.

        Args:
            stream: The stream.
            delay: How long the queue holds the message back, in seconds.
        """
        self._send(_changed(stream), stream.source, delay)

    def continue_generation(
        self, source: str, category: str, generation: int, delay: int = 0
    ) -> None:
        """Sends the message that continues to build a generation, or to remove its states.

        Args:
            source: The service that publishes the streams.
            category: The category of the streams.
            generation: The number of the generation.
            delay: How long the queue holds the message back, in seconds.
        """
        body = json_text({"generation": [source, category, generation]})
        self._send(body, source, delay)

    def drop_later(self, source: str, category: str, generation: int) -> None:
        """Has the states of a generation removed, once no function can write to it any more.

        Send this before the write that ends the generation. A function that crashes between the two
        then leaves no states behind. If the write fails, the message changes nothing.
        """
        self.continue_generation(source, category, generation, _ENDED_SECONDS)

    def _send(self, body: str, group: str, delay: int) -> None:
        self.client.send_message(
            QueueUrl=self.url, MessageBody=body, MessageGroupId=group, DelaySeconds=delay
        )


def _changed(stream: StreamName) -> str:
    return json_text({"stream": [stream.source, stream.stream_id]})


def projection_in(message: str) -> dict[str, Any] | None:
    """Returns the message about a read model; None if the message is about a replay."""
    return orjson.loads(message) if message.startswith("{") else None
