"""Targets of the type `sqs`: queues of Amazon SQS, standard or FIFO."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

from event_bus.model.outcome import Outcome
from event_bus.settings import settings
from event_bus.targets.aws_target import MEMBERS, AwsTarget, TaggedResource
from event_bus.targets.aws_transport import (
    BatchTransport,
    Packed,
    messages,
    outcomes_of,
    sent_to_aws,
)
from event_bus.targets.resources import AwsResources, read_arn
from event_bus.targets.target_type import Grants, TargetType

QUEUES = AwsResources(
    service="sqs",
    name=r"[A-Za-z0-9_-]{1,75}(?:\.fifo)?|[A-Za-z0-9_-]{76,80}",
    called="the ARN or the URL of an SQS queue",
    action="SendMessage",
    reads_tags="ListQueueTags",
    managed=True,
)


@dataclass(frozen=True, slots=True)
class SqsTarget(AwsTarget):
    """A queue.

    Attributes:
        queue: The queue's ARN.
        queue_url: Its URL.
        managed: Whether the bus provides it, and removes it with the subscription.
    """

    queue: str
    queue_url: str
    managed: bool = False
    type: Literal["sqs"] = field(default="sqs", kw_only=True)
    lane: ClassVar[str] = "sqs"
    attributes: ClassVar[bool] = True

    @property
    def fifo(self) -> bool:
        """Whether it is a FIFO queue."""
        return self.queue.endswith(".fifo")

    @property
    def resource(self) -> TaggedResource | None:
        """The queue, unless the bus provides it."""
        if self.managed:
            return None
        return TaggedResource(
            "queue",
            self.queue,
            "sqs",
            f"sqs tag-queue --queue-url {self.queue_url} --tags",
            lambda client: client.list_queue_tags(QueueUrl=self.queue_url).get("Tags", {}),
        )

    def derived(self, service_id: str) -> dict[str, Any]:
        """Returns the external id of its role, and the policy for a managed queue's consumer."""
        policy = {"policy": _consumer_policy(self.queue)} if self.managed else {}
        return {**AwsTarget.derived(self, service_id), **policy}


def check_queue(queue: str) -> None:
    """Refuses what is not the ARN or the URL of a queue that a subscription may name.

    Raises:
        ValueError: It is refused.
    """
    QUEUES.check(queue_arn(queue))


def queue_arn(queue: str) -> str:
    """Returns the ARN of a queue that is named by its ARN or its URL.

    Raises:
        ValueError: It is neither.
    """
    if queue.startswith("arn:"):
        return queue
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
    found = re.fullmatch(r"https?://([^/]+)/([0-9]{12})/([A-Za-z0-9_-]+(?:\.fifo)?)", queue)
    own = settings()
    if found is None or not (own.local or found[1] == f"sqs.{own.region}.{own.url_suffix}"):
        raise ValueError("must be the ARN or the URL of an SQS queue in the bus's region")
    return f"arn:{own.partition}:sqs:{own.region}:{found[2]}:{found[3]}"


def queue_url(queue: str) -> str:
    """Returns the URL of a queue that is named by its ARN or its URL."""
    if not queue.startswith("arn:"):
        return queue
    parts = read_arn(queue, "sqs")
    host = settings().emulator or f"https://sqs.{parts.region}.{settings().url_suffix}"
    return f"{host}/{parts.account}/{parts.resource}"


def _consumer_policy(queue: str) -> dict[str, Any]:
    """Returns the IAM policy that lets a consumer take messages from a queue, and nothing else."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:ChangeMessageVisibility",
                    "sqs:GetQueueAttributes",
                ],
                "Resource": queue,
            }
        ],
    }


class SqsTransport(BatchTransport):
    """Sends events to queues, up to ten in a request."""

    def send(self, client: Any, batch: Sequence[Packed]) -> list[Outcome]:
        """Sends a batch to its queue."""
        # A lane delivers only to targets of its own type.
        target = cast("SqsTarget", batch[0][0].subscription.target)
        answer = client.send_message_batch(
            QueueUrl=target.queue_url,
            Entries=messages(batch, "MessageBody", fifo=target.fifo),
        )
        return outcomes_of(batch, answer)


TARGET = TargetType(
    name="Sqs",
    settings=SqsTarget,
    transport=lambda deployment: SqsTransport(deployment.aws_clients("sqs")),
    sent=sent_to_aws,
    grants=Grants(resources=QUEUES),
    members={
        "queue": "The ARN of the queue, or its URL. Required unless the queue is managed.",
        "queue_url": "The URL of the queue.",
        "managed": "Whether the bus provides the queue, and removes it with the subscription.",
        "policy": "The IAM policy that lets a consumer receive from the managed queue.",
        **MEMBERS,
    },
)
