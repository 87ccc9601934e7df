"""Sends messages to a queue of the bus in one request."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_TRIES = 3


class NotSent(Exception):
    """A queue did not take messages that it may take later."""


def send_bodies(client: "SQSClient", url: str, bodies: list[str]) -> int:
    """Sends up to ten messages, and sends again those that SQS did not take.

    Args:
        client: The SQS client.
        url: The queue's URL.
        bodies: The messages. SQS must not refuse any of them for its content.

    Returns:
        How many messages SQS did not take in three tries.
    """
    entries: list[Any] = [
        {"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)
    ]
    for _ in range(_TRIES):
        answer = client.send_message_batch(QueueUrl=url, Entries=entries)
        failed = {each["Id"] for each in answer.get("Failed", [])}
        entries = [entry for entry in entries if entry["Id"] in failed]
        if not entries:
            break
    return len(entries)
