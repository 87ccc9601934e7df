"""The queue of replays that must go on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class ReplayQueue:
    """Has replays go on.

    Attributes:
        client: The SQS client.
        url: The queue's URL.
    """

    client: "SQSClient"
    url: str

    def send(self, replay_id: str, delay: int = 0) -> None:
        """Has a replay go on, after some seconds."""
        self.client.send_message(QueueUrl=self.url, MessageBody=replay_id, DelaySeconds=delay)
