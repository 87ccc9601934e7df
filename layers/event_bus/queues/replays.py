"""The queue of running replays.

The group of a message is the service for which a replay runs: SQS then serves the services fairly
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html),
however many replays one of them has started.

A message may name the step that it follows. It is then ignored if the replay has continued since.
So a replay that got several messages continues with one of them, and keeps its rate.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from event_bus.log import logger

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

    def send(self, replay_id: str, group: str, delay: int = 0, behind: str = "") -> None:
        """Sends the message that continues a replay.

        Args:
            replay_id: The replay.
            group: The service for which it runs.
            delay: How long the queue holds the message back, in seconds.
            behind: When the replay last continued, if the message is only for the next step.

        Raises:
            BotoCoreError: SQS did not answer.
            ClientError: SQS refused the message.
        """
        body = f"{replay_id} {behind}" if behind else replay_id
        self.client.send_message(
            QueueUrl=self.url, MessageBody=body, MessageGroupId=group, DelaySeconds=delay
        )

    def try_to_send(self, replay_id: str, group: str, delay: int = 0, behind: str = "") -> None:
        """Sends the message that continues a replay, and does not fail if SQS refuses it.

        Then the sweeper continues the replay within two minutes. The arguments are those of `send`.
        """
        try:
            self.send(replay_id, group, delay, behind)
        except (BotoCoreError, ClientError):
            logger.exception("replay left to the sweeper", replay_id=replay_id)


def step_in(message: str) -> tuple[str, str]:
    """Returns the replay that a message continues, and when it last continued, if it says so."""
    replay_id, _, behind = message.partition(" ")
    return replay_id, behind
