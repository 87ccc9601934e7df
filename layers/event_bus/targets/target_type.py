"""The description of a target: the parts that each module of a target provides."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from event_bus.model.target import Target
from event_bus.targets.resources import AwsResources
from event_bus.targets.transport import DeliveryRequest, Sent, Transport

if TYPE_CHECKING:
    from event_bus.callbacks.client import CallbackClient
    from event_bus.model.subscription import Subscription
    from event_bus.stores.inboxes import InboxStore
    from event_bus.targets.answers import Replies
    from event_bus.targets.aws_clients import TargetClients


class Deployment(Protocol):
    """The parts that transports need of their function. Each part is made when asked for."""

    def aws_clients(self, service: str) -> "TargetClients":
        """Clients of an AWS service, named as boto3 names it."""
        ...

    def callback_client(self) -> "CallbackClient":
        """Returns the client that makes requests to callback URLs."""
        ...

    def signing_secrets(self) -> "Callable[[Subscription], Sequence[str]]":
        """Returns the function that opens the signing secrets of a subscription."""
        ...

    def inboxes(self) -> "InboxStore":
        """Returns the inboxes."""
        ...

    def replies(self) -> "Replies":
        """Publishes replies."""
        ...


@dataclass(frozen=True, slots=True)
class Grants:
    """The grants of a lane's function for its target, beyond those of every lane.

    Attributes:
        payloads: What it does with sensitive payloads: `opens` them for the subscriber, `seals`
            them as well because it publishes events, or nothing (`passes`).
        callbacks: Whether it posts to callback URLs and signs what it posts.
        resources: The AWS resources that it delivers to.
        tables: Actions of DynamoDB, by table.
        bucket: Actions of S3 on the objects of the payloads bucket.
    """

    payloads: Literal["opens", "seals", "passes"] = "opens"
    callbacks: bool = False
    resources: AwsResources | None = None
    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bucket: tuple[str, ...] = ()


REPLYING: Any = {
    "payloads": "seals",
    "tables": {
        "events": ("BatchGetItem",),
        "streams": ("PutItem",),
        "deliveries": ("PutItem",),
    },
    "bucket": ("PutObject",),
}
"""The grants of a target whose answers are published as replies."""


@dataclass(frozen=True, slots=True)
class TargetType:
    """A target, as its module describes it.

    Attributes:
        name: Its name in CamelCase, as CloudFormation resources and schemas use it.
        settings: What is stored of it.
        transport: Makes its transport.
        grants: What its lane's function may do.
        sent: Returns what the target receives for an event, without a signature.
        members: The meaning of each member that clients send or see, for the API's description.
    """

    name: str
    settings: type[Target]
    transport: Callable[[Deployment], Transport]
    grants: Grants
    sent: Callable[[DeliveryRequest], Sent]
    members: Mapping[str, str]
