"""Batches of queue messages that a function takes one by one."""

from collections.abc import Callable
from typing import Any

from event_bus.log import logger


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
