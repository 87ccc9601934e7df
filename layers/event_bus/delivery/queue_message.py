"""A queue message as a function receives it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A message as received from the queue.

    Attributes:
        id: The queue's identifier of the message.
        receives: The number of receipts, with those of messages that were sent back as this one.
        body: The message's text.
        origin: The identifier of the first message before it that may have written a record.
    """

    id: str
    receives: int
    body: str
    origin: str = ""

    @property
    def writer(self) -> str:
        """The name under which it writes records; a message that is sent back keeps it."""
        return self.origin or self.id


def queue_messages(event: Mapping[str, Any]) -> list[QueueMessage]:
    """Returns the messages that Lambda hands over from a queue."""
    return [
        QueueMessage(
            id=record["messageId"],
            receives=int(record["attributes"]["ApproximateReceiveCount"]),
            body=record["body"],
        )
        for record in event["Records"]
    ]
