"""Targets of the type `sns`: topics of Amazon SNS, standard or FIFO."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

from event_bus.model.outcome import Outcome
from event_bus.targets.aws_target import MEMBERS, AwsTarget, TaggedResource, listed_tags
from event_bus.targets.aws_transport import (
    BatchTransport,
    Packed,
    messages,
    outcomes_of,
    sent_to_aws,
)
from event_bus.targets.resources import AwsResources
from event_bus.targets.target_type import Grants, TargetType

TOPICS = AwsResources(
    service="sns",
    name=r"[A-Za-z0-9_-]{1,251}(?:\.fifo)?",
    called="the ARN of an SNS topic",
    action="Publish",
    reads_tags="ListTagsForResource",
)


@dataclass(frozen=True, slots=True)
class SnsTarget(AwsTarget):
    """A topic.

    Attributes:
        topic: The topic's ARN.
    """

    topic: str
    type: Literal["sns"] = field(default="sns", kw_only=True)
    lane: ClassVar[str] = "sns"
    attributes: ClassVar[bool] = True

    @property
    def fifo(self) -> bool:
        """Whether it is a FIFO topic."""
        return self.topic.endswith(".fifo")

    @property
    def resource(self) -> TaggedResource:
        """The topic."""
        return TaggedResource(
            "topic",
            self.topic,
            "sns",
            f"sns tag-resource --resource-arn {self.topic} --tags",
            lambda client: listed_tags(client.list_tags_for_resource(ResourceArn=self.topic)),
            "Key={key},Value={value}",
        )


class SnsTransport(BatchTransport):
    """Publishes events to topics, up to ten in a request."""

    def send(self, client: Any, batch: Sequence[Packed]) -> list[Outcome]:
        """Publishes a batch to its topic."""
        # A lane delivers only to targets of its own type.
        target = cast("SnsTarget", batch[0][0].subscription.target)
        answer = client.publish_batch(
            TopicArn=target.topic,
            PublishBatchRequestEntries=messages(batch, "Message", fifo=target.fifo),
        )
        return outcomes_of(batch, answer)


TARGET = TargetType(
    name="Sns",
    settings=SnsTarget,
    transport=lambda deployment: SnsTransport(deployment.aws_clients("sns")),
    sent=sent_to_aws,
    grants=Grants(resources=TOPICS),
    members={"topic": "The ARN of the topic.", **MEMBERS},
)
