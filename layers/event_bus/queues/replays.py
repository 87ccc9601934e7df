"""The queue of replays that continue."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class ReplayQueue:
    """Sends messages by which replays continue.

    Attributes:
        client: The SQS client.
        url: The queue's URL.
    """

    client: "SQSClient"
    url: str

    def send(self, replay_id: str, delay: int = 0) -> None:
        """Lets a replay continue after a number of seconds."""
        self.client.send_message(QueueUrl=self.url, MessageBody=replay_id, DelaySeconds=delay)
