"""The queue of events whose routing failed, so that they do not block the stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from event_bus.log import logger
from event_bus.stores.items import chunks

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH = 10


class NotStranded(Exception):
    """The queue refused events."""


@dataclass(frozen=True, slots=True)
class StrandedQueue:
    """Takes the ids of events that must be routed again.

    Attributes:
        client: The SQS client.
        url: The queue's URL.
    """

    client: "SQSClient"
    url: str

    def send(self, event_ids: Sequence[str]) -> None:
        """Puts events into the queue.

        Raises:
            NotStranded: The queue refused some of them.
        """
        for chunk in chunks(list(event_ids), _BATCH):
            answer = self.client.send_message_batch(
                QueueUrl=self.url,
                Entries=[
                    {
                        "Id": str(place),
                        "MessageBody": orjson.dumps({"event_id": event_id}).decode(),
                    }
                    for place, event_id in enumerate(chunk)
                ],
            )
            if failed := answer.get("Failed"):
                raise NotStranded(f"{len(failed)} events")
            logger.warning("events stranded", event_ids=chunk)
