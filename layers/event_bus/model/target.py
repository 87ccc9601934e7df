"""Targets: where and how a subscription receives its events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from event_bus.callbacks.urls import check_callback_url
from event_bus.model.resources import (
    check_event_bus,
    check_function,
    check_queue,
    check_role,
    check_topic,
    queue_arn,
    queue_url,
)
from event_bus.model.validation import Request, checked
from event_bus.stored import restored

Protocol = Literal["http", "sqs", "sns", "lambda", "eventbridge", "inbox"]
"""How events are delivered: each protocol has a lane of its own."""

PACED_PROTOCOLS: tuple[Protocol, ...] = ("http", "lambda")
"""The protocols whose subscribers may take long to answer: each has a paced lane, too."""

CallbackUrl = Annotated[str, AfterValidator(checked(check_callback_url))]


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """A callback.

    Attributes:
        url: Where events are posted.
    """

    url: str
    type: Literal["http"] = "http"
    lane: ClassVar[Protocol] = "http"


@dataclass(frozen=True, slots=True)
class SqsTarget:
    """A queue, standard or FIFO.

    Attributes:
        queue: The queue's ARN.
        queue_url: Its URL.
        role_arn: The role by which it is sent to, if another account's.
        external_id: What the bus names when it assumes that role; None for a role that was named
            before ids held the account and the region.
        managed: Whether the bus provides it, and removes it with the subscription.
    """

    queue: str
    queue_url: str
    role_arn: str | None = None
    managed: bool = False
    external_id: str | None = None
    type: Literal["sqs"] = "sqs"
    lane: ClassVar[Protocol] = "sqs"

    @property
    def fifo(self) -> bool:
        """Whether the queue keeps an order."""
        return self.queue.endswith(".fifo")


@dataclass(frozen=True, slots=True)
class SnsTarget:
    """A topic, standard or FIFO.

    Attributes:
        topic: The topic's ARN.
        role_arn: The role by which it is published to, if another account's.
        external_id: What the bus names when it assumes that role; None for a role that was named
            before ids held the account and the region.
    """

    topic: str
    role_arn: str | None = None
    external_id: str | None = None
    type: Literal["sns"] = "sns"
    lane: ClassVar[Protocol] = "sns"

    @property
    def fifo(self) -> bool:
        """Whether the topic keeps an order."""
        return self.topic.endswith(".fifo")


@dataclass(frozen=True, slots=True)
class LambdaTarget:
    """A function.

    Attributes:
        function: The function's ARN, with a version or alias if one is meant.
        invocation: Whether its result is waited for.
        reply: Whether its result is published as the reply that the event asks for.
        role_arn: The role by which it is invoked, if another account's.
        external_id: What the bus names when it assumes that role; None for a role that was named
            before ids held the account and the region.
    """

    function: str
    invocation: Literal["async", "sync"] = "async"
    reply: bool = False
    role_arn: str | None = None
    external_id: str | None = None
    type: Literal["lambda"] = "lambda"
    lane: ClassVar[Protocol] = "lambda"


@dataclass(frozen=True, slots=True)
class EventBridgeTarget:
    """An event bus of Amazon EventBridge.

    Attributes:
        event_bus: Its ARN.
        role_arn: The role by which events are put on it, if another account's.
        external_id: What the bus names when it assumes that role; None for a role that was named
            before ids held the account and the region.
    """

    event_bus: str
    role_arn: str | None = None
    external_id: str | None = None
    type: Literal["eventbridge"] = "eventbridge"
    lane: ClassVar[Protocol] = "eventbridge"


@dataclass(frozen=True, slots=True)
class InboxTarget:
    """An inbox, from which the subscriber fetches its events.

    Attributes:
        type: How it means to: by pulling, as Server-Sent Events, or over a WebSocket. The first two
            may always be used; only what is meant for a WebSocket is pushed to one.
    """

    type: Literal["pull", "sse", "websocket"]
    lane: ClassVar[Protocol] = "inbox"

    @property
    def pushed(self) -> bool:
        """Whether events are pushed to those who are connected."""
        return self.type == "websocket"


AwsTarget = SqsTarget | SnsTarget | LambdaTarget | EventBridgeTarget
"""A target that is a resource of AWS."""

Target = HttpTarget | AwsTarget | InboxTarget

_TARGETS: dict[str, type[Target]] = {
    "http": HttpTarget,
    "sqs": SqsTarget,
    "sns": SnsTarget,
    "lambda": LambdaTarget,
    "eventbridge": EventBridgeTarget,
    "pull": InboxTarget,
    "sse": InboxTarget,
    "websocket": InboxTarget,
}


def read_target(members: Mapping[str, Any]) -> Target:
    """The target that was stored as these members."""
    return restored(_TARGETS[members["type"]], members)


_RoleArn = Annotated[str, AfterValidator(checked(check_role))]


class HttpTargetRequest(Request):
    """A callback, as a client sends it."""

    type: Literal["http"]
    url: CallbackUrl

    def target(self) -> HttpTarget:
        """The target."""
        return HttpTarget(self.url)


class SqsTargetRequest(Request):
    """A queue, as a client sends it: by its ARN or its URL, or as one that the bus provides."""

    type: Literal["sqs"]
    managed: bool = False
    queue: Annotated[
        Annotated[str, AfterValidator(checked(check_queue))] | None, Field(validate_default=True)
    ] = None
    role_arn: _RoleArn | None = None

    @field_validator("queue")
    @classmethod
    def _given_or_made(cls, queue: str | None, info: ValidationInfo) -> str | None:
        managed = info.data.get("managed")
        if queue is None and managed is False:
            raise PydanticCustomError("queue", "is required, unless the queue is managed")
        if queue is not None and managed:
            raise PydanticCustomError("queue", "must be left out where the queue is managed")
        return queue

    @field_validator("role_arn")
    @classmethod
    def _made_in_the_own_account(cls, role_arn: str | None, info: ValidationInfo) -> str | None:
        if role_arn is not None and info.data.get("managed"):
            raise PydanticCustomError("role", "must be left out where the queue is managed")
        return role_arn

    def target(self) -> SqsTarget:
        """The target; a managed queue has neither ARN nor URL until it is made."""
        if self.queue is None:
            return SqsTarget("", "", managed=True)
        return SqsTarget(queue_arn(self.queue), queue_url(self.queue), self.role_arn)


class SnsTargetRequest(Request):
    """A topic, as a client sends it."""

    type: Literal["sns"]
    topic: Annotated[str, AfterValidator(checked(check_topic))]
    role_arn: _RoleArn | None = None

    def target(self) -> SnsTarget:
        """The target."""
        return SnsTarget(self.topic, self.role_arn)


class LambdaTargetRequest(Request):
    """A function, as a client sends it."""

    type: Literal["lambda"]
    function: Annotated[str, AfterValidator(checked(check_function))]
    invocation: Literal["async", "sync"] = "async"
    reply: bool = False
    role_arn: _RoleArn | None = None

    @field_validator("reply")
    @classmethod
    def _has_a_result(cls, reply: bool, info: ValidationInfo) -> bool:
        if reply and info.data.get("invocation") == "async":
            raise PydanticCustomError("reply", "must be false where the invocation is not sync")
        return reply

    def target(self) -> LambdaTarget:
        """The target."""
        return LambdaTarget(self.function, self.invocation, self.reply, self.role_arn)


class EventBridgeTargetRequest(Request):
    """An event bus of Amazon EventBridge, as a client sends it."""

    type: Literal["eventbridge"]
    event_bus: Annotated[str, AfterValidator(checked(check_event_bus))]
    role_arn: _RoleArn | None = None

    def target(self) -> EventBridgeTarget:
        """The target."""
        return EventBridgeTarget(self.event_bus, self.role_arn)


class InboxTargetRequest(Request):
    """An inbox, as a client sends it."""

    type: Literal["pull", "sse", "websocket"]

    def target(self) -> InboxTarget:
        """The target."""
        return InboxTarget(self.type)


# Schemas call a type by its name, which a bare union does not have.
TargetRequest = TypeAliasType(
    "TargetRequest",
    Annotated[
        HttpTargetRequest
        | SqsTargetRequest
        | SnsTargetRequest
        | LambdaTargetRequest
        | EventBridgeTargetRequest
        | InboxTargetRequest,
        Field(discriminator="type"),
    ],
)
"""A target as a client sends it."""
