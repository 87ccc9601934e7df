"""Batches: what is sent in one request, and messages of a queue that are taken one by one."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from event_bus.log import logger

_Item = TypeVar("_Item")

MOST, MOST_BYTES = 10, 240 * 1024
"""What one request of SQS, SNS or EventBridge takes: ten entries, and together less than the
256 KiB that every endpoint allows."""


def batches(
    items: Iterable[_Item],
    size: Callable[[_Item], int],
    *,
    most: int = MOST,
    most_bytes: int = MOST_BYTES,
) -> Iterator[list[_Item]]:
    """Divides what is to be sent into requests; what is too large for any has one of its own.

    Args:
        items: What is to be sent, in order.
        size: Tells how many bytes one takes.
        most: How many a request takes.
        most_bytes: How many bytes a request takes.
    """
    batch: list[_Item] = []
    filled = 0
    for item in items:
        length = size(item)
        if batch and (len(batch) == most or filled + length > most_bytes):
            yield batch
            batch, filled = [], 0
        batch.append(item)
        filled += length
    if batch:
        yield batch


def take_each(event: dict[str, Any], take: Callable[[str, str], None]) -> dict[str, Any]:
    """Takes the messages of a batch, each on its own.

    Args:
        event: What Lambda hands over from a queue.
        take: Takes a message, by the queue's identifier of it and its body.

    Returns:
        Which of them the queue must keep, as Lambda wants to be told
        (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
    """
    kept = []
    for record in event["Records"]:
        try:
            take(record["messageId"], record["body"])
        except Exception:
            logger.exception("message not taken", message_id=record["messageId"])
            kept.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": each} for each in kept]}
