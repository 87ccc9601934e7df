"""Events whose routing failed, and their way back.

The router sets single events aside into a queue, so that they do not block the stream. What Lambda
gave up after its retries lies in a bucket, which has EventBridge put a notice into the same queue.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus.log import logger
from event_bus.stores.items import chunks

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH = 10

ReadObject = Callable[[str, str], bytes]
"""Reads an object by its bucket and its key."""


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


def stranded_in(message: str, read_object: ReadObject) -> list[str]:
    """The events that a message of the queue is about.

    Args:
        message: What `StrandedQueue` sent, or EventBridge's notice of a new object.
        read_object: Reads that object.

    Returns:
        Their ids.
    """
    body = orjson.loads(message)
    if "event_id" in body:
        return [body["event_id"]]
    detail = body["detail"]
    return _given_up(read_object(detail["bucket"]["name"], detail["object"]["key"]))


def _given_up(record: bytes) -> list[str]:
    # https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html: `payload` holds
    # what the function was called with.
    payload: Any = orjson.loads(record)["payload"]
    batch = orjson.loads(payload) if isinstance(payload, str) else payload
    return [each["dynamodb"]["Keys"]["id"]["S"] for each in batch["Records"]]
