"""Messages about read models, in the queue of replays.

Both are work that goes on page by page behind the events. A message names what may have changed;
what is to be done follows from the tables, so a message may come twice or late.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus.aws_text import json_text
from event_bus.batches import MOST, chunks
from event_bus.model.stream_name import StreamName

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_TRIES = 3


class NotSent(Exception):
    """The queue did not take messages."""


@dataclass(frozen=True, slots=True)
class ProjectionQueue:
    """Has read models brought up to date.

    Attributes:
        client: The SQS client.
        url: The queue's URL.
    """

    client: "SQSClient"
    url: str

    def changed(self, streams: Iterable[StreamName]) -> None:
        """Has the states of streams brought up to date.

        Raises:
            NotSent: The queue did not take the message of each stream.
        """
        bodies = [
            json_text({"stream": [each.source, each.stream_id]}) for each in dict.fromkeys(streams)
        ]
        for chunk in chunks(bodies, MOST):
            self._send(chunk)

    def go_on(self, source: str, category: str, generation: int, delay: int = 0) -> None:
        """Sends the message that continues to build a generation, or to remove its states."""
        body = json_text({"generation": [source, category, generation]})
        self.client.send_message(QueueUrl=self.url, MessageBody=body, DelaySeconds=delay)

    def _send(self, bodies: list[str]) -> None:
        entries: list[Any] = [
            {"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)
        ]
        for _ in range(_TRIES):
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
            failed = {each["Id"] for each in answer.get("Failed", [])}
            entries = [entry for entry in entries if entry["Id"] in failed]
            if not entries:
                return
        raise NotSent(f"{len(entries)} messages")


def projection_in(message: str) -> dict[str, Any] | None:
    """Returns the message about a read model; None if the message is about a replay."""
    return orjson.loads(message) if message.startswith("{") else None
