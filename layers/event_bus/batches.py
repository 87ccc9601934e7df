"""Batches: dividing entries into requests, and handling the messages of a queue one by one."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from event_bus.log import logger

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

MOST, MOST_BYTES = 10, 240 * 1024
"""The limits of one request to SQS, SNS or EventBridge: ten entries, and together less than the
256 KiB that every endpoint allows."""


def batches(
    items: Iterable[_Item],
    size: Callable[[_Item], int],
    *,
    most: int = MOST,
    most_bytes: int = MOST_BYTES,
) -> Iterator[list[_Item]]:
    """Divides entries into requests; an entry that is too large gets a request of its own.

    Args:
        items: The entries, in order.
        size: Returns the number of bytes of an entry.
        most: The most entries of a request.
        most_bytes: The most bytes of a request.
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


def chunks(elements: list[_Item], size: int) -> Iterator[list[_Item]]:
    """Yields consecutive parts of a list, each of at most `size` elements."""
    for start in range(0, len(elements), size):
        yield elements[start : start + size]


_ABOUT_CONTENT = (
    "BatchRequestTooLong",
    "InvalidArgument",
    "InvalidAttribute",
    "InvalidBatchEntryId",
    "InvalidMessageContents",
    "InvalidParameter",
    "Malformed",
    "MessageTooLong",
    "ParameterValueInvalid",
    "RequestEntityTooLarge",
    "Serialization",
    "Validation",
    "413",
)
_NOT_ABOUT_CONTENT = ("AccessDenied", "Kms", "KMS", "OverLimit", "RequestThrottled", "Throttl")


def blames_content(error: Exception) -> bool:
    """Returns whether AWS refused a request for its content, and so would refuse it again.

    It is False if access is denied, the resource is missing, AWS is busy or the connection broke.
    """
    if isinstance(error, ClientError):
        return _word(error.response["Error"]["Code"]).startswith(_ABOUT_CONTENT)
    return isinstance(error, ParamValidationError)


def blames_entry(failure: Mapping[str, Any]) -> bool:
    """Returns whether an entry of a batch failed for its content.

    Args:
        failure: The entry's element of `Failed` in an answer of SQS.
    """
    return bool(failure.get("SenderFault")) and not _word(failure["Code"]).startswith(
        _NOT_ABOUT_CONTENT
    )


def by_halves(
    batch: Sequence[_Item],
    send: Callable[[Sequence[_Item]], list[_Result]],
    failed: Callable[[ClientError | BotoCoreError], _Result],
) -> list[_Result]:
    """Sends a batch so that an entry that AWS refuses fails alone.

    AWS may refuse a whole request for the content of one entry: an invalid character, a size. The
    halves of such a request are sent on their own, down to the single entry.

    Args:
        batch: The entries, in order.
        send: Makes one request, and returns the result of each entry.
        failed: Makes the result of an entry whose request failed, or raises.

    Returns:
        The result of each entry, in their order.
    """
    try:
        return send(batch)
    except (ClientError, BotoCoreError) as error:
        if len(batch) == 1 or not blames_content(error):
            return [failed(error)] * len(batch)
    middle = len(batch) // 2
    return by_halves(batch[:middle], send, failed) + by_halves(batch[middle:], send, failed)


def _word(code: str) -> str:
    # AWS.SimpleQueueService.BatchRequestTooLong
    return code.rpartition(".")[2]


def batch_answer(kept: Iterable[str]) -> dict[str, Any]:
    """Returns the answer for Lambda to a batch of records.

    Args:
        kept: The identifiers of the records that the queue must keep, or the stream send again
            (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
    """
    return {"batchItemFailures": [{"itemIdentifier": each} for each in kept]}


def take_each(event: dict[str, Any], take: Callable[[str, str], None]) -> dict[str, Any]:
    """Handles the messages of a batch, each on its own.

    Args:
        event: The event of Lambda with messages of a queue.
        take: Handles a message, given its id in the queue and its body. If it raises, the queue
            keeps the message.

    Returns:
        The answer for Lambda: the queue keeps the messages that were not taken.
    """
    kept = []
    for record in event["Records"]:
        try:
            take(record["messageId"], record["body"])
        except Exception:
            logger.exception("message not taken", message_id=record["messageId"])
            kept.append(record["messageId"])
    return batch_answer(kept)
