"""Sends messages to a queue of the bus in one request."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from event_bus.batches import blames_entry

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_TRIES = 3


class NotSent(Exception):
    """A queue did not take messages that it may take later."""


def send_entries(client: "SQSClient", url: str, entries: list[Any]) -> dict[str, str]:
    """Sends up to ten messages, and sends again those that SQS did not take.

    Args:
        client: The SQS client.
        url: The queue's URL.
        entries: The messages, as SQS takes them, each with an `Id` of its own.

    Returns:
        SQS's reason for each message that it refuses for its content, by the message's id. All
        others are sent.

    Raises:
        NotSent: SQS did not take some of the others in three tries.
    """
    refused: dict[str, str] = {}
    for _ in range(_TRIES):
        answer = client.send_message_batch(QueueUrl=url, Entries=entries)
        failed = {each["Id"]: each for each in answer.get("Failed", [])}
        refused |= {name: _reason(each) for name, each in failed.items() if blames_entry(each)}
        entries = [each for each in entries if each["Id"] in failed.keys() - refused.keys()]
        if not entries:
            return refused
    codes = sorted({failed[entry["Id"]]["Code"] for entry in entries})
    raise NotSent(f"{len(entries)} messages: {', '.join(codes)}")


def _reason(failure: Mapping[str, Any]) -> str:
    return f"{failure['Code']}: {failure.get('Message', '')}"


def send_bodies(
    client: "SQSClient", url: str, bodies: Sequence[str], groups: Sequence[str] = ()
) -> None:
    """Sends up to ten messages, whose content SQS has no reason to refuse.

    Args:
        client: The SQS client.
        url: The queue's URL.
        bodies: The messages.
        groups: The group of each message, if they have any.

    Raises:
        NotSent: SQS did not take some of them.
    """
    entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
    for entry, group in zip(entries, groups, strict=False):
        entry["MessageGroupId"] = group
    if refused := send_entries(client, url, entries):
        raise NotSent(f"{len(refused)} messages: refused")
