"""Targets of subscriptions."""

from dataclasses import asdict
from typing import Annotated, Literal, NotRequired, cast

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from event_bus.access.external_ids import external_id_of
from event_bus.api.documents.members import Object
from event_bus.model.registration import Subscription
from event_bus.registry.managed_queues import consumer_policy

ConsumerPolicy = TypeAliasType(
    "ConsumerPolicy",
    Annotated[
        Object,
        Field(description="The IAM policy that lets a consumer work the managed queue."),
    ],
)


class _WithRole(TypedDict):
    role_arn: NotRequired[str]
    external_id: NotRequired[
        Annotated[
            str,
            Field(description="What the role's trust policy must demand as `sts:ExternalId`."),
        ]
    ]


class HttpTarget(TypedDict):
    """A callback URL."""

    type: Literal["http"]
    url: str


class SqsTarget(_WithRole):
    """A queue of Amazon SQS."""

    type: Literal["sqs"]
    queue: str
    queue_url: str
    managed: bool
    policy: NotRequired[ConsumerPolicy]


class SnsTarget(_WithRole):
    """A topic of Amazon SNS."""

    type: Literal["sns"]
    topic: str


class LambdaTarget(_WithRole):
    """A function of AWS Lambda."""

    type: Literal["lambda"]
    function: str
    invocation: Literal["async", "sync"]
    reply: bool


class EventBridgeTarget(_WithRole):
    """An event bus of Amazon EventBridge."""

    type: Literal["eventbridge"]
    event_bus: str


class InboxTarget(TypedDict):
    """An inbox, from which the subscriber fetches its events."""

    type: Literal["pull", "sse", "websocket"]


Target = TypeAliasType(
    "Target",
    Annotated[
        HttpTarget | SqsTarget | SnsTarget | LambdaTarget | EventBridgeTarget | InboxTarget,
        Field(discriminator="type"),
    ],
)


def target_document(subscription: Subscription) -> Target:
    """The target of a subscription."""
    members = {
        name: value for name, value in asdict(subscription.target).items() if value is not None
    }
    if members.get("managed"):
        members["policy"] = consumer_policy(members["queue"])
    if "role_arn" in members:
        members["external_id"] = external_id_of(members.get("external_id"), subscription.service_id)
    return cast("Target", members)
