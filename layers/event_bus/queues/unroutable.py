"""The queue of unroutable events.

The router puts single events into the queue, so that they do not block the table stream. Lambda
writes the batches that it gives up to a bucket, and EventBridge puts a notice of each into the same
queue.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus.aws_text import json_text
from event_bus.batches import MOST, chunks
from event_bus.log import logger
from event_bus.queues.sending import send_bodies
from event_bus.stores.event_items import event_ids_in

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ReadObject = Callable[[str, str], bytes]
"""Reads an object by its bucket and its key."""


@dataclass(frozen=True, slots=True)
class UnroutableQueue:
    """Queues the ids of events that must be routed again.

    Attributes:
        client: The SQS client.
        url: The queue's URL.
    """

    client: "SQSClient"
    url: str

    def send(self, event_ids: Sequence[str]) -> None:
        """Puts events into the queue.

        Raises:
            NotSent: The queue did not take some of them.
        """
        for chunk in chunks(list(event_ids), MOST):
            # An id holds letters, digits, `_`, `:` and `-`: SQS refuses none for its content.
            bodies = [json_text({"event_id": event_id}) for event_id in chunk]
            send_bodies(self.client, self.url, bodies)
            logger.warning("events unroutable", event_ids=chunk)


def is_about_events(message: str) -> bool:
    """Returns whether `unroutable_in` can read a message, in a queue with other messages.

    Raises:
        ValueError: It is not JSON.
    """
    body = orjson.loads(message)
    return isinstance(body, dict) and ("event_id" in body or "detail" in body)


def unroutable_in(message: str, read_object: ReadObject) -> list[str]:
    """Returns the events that a message of the queue is about.

    Args:
        message: A message of `UnroutableQueue`, or EventBridge's notice of a new object.
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
    return event_ids_in(batch["Records"])
