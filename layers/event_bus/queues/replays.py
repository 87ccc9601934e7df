"""The queue of running replays."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class ReplayQueue:
    """Continues replays.

    Attributes:
        client: The SQS client.
        url: The queue's URL.
    """

    client: "SQSClient"
    url: str

    def send(self, replay_id: str, delay: int = 0) -> None:
        """Sends the message that continues a replay, with a delay in seconds."""
        self.client.send_message(QueueUrl=self.url, MessageBody=replay_id, DelaySeconds=delay)
