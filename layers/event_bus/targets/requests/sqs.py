"""Targets of the type `sqs`, as clients send them."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from event_bus.requests.validation import checked
from event_bus.targets.requests.target_request import AwsTargetRequest, RoleArn
from event_bus.targets.sqs import SqsTarget, check_queue, queue_arn, queue_url

ConsumerPolicy = TypeAliasType(
    "ConsumerPolicy",
    Annotated[
        dict[str, Any],
        Field(description="The IAM policy that lets a consumer receive from the managed queue."),
    ],
)


class SqsTargetRequest(AwsTargetRequest):
    """A queue, as a client sends it: by its ARN or its URL, or as one that the bus provides."""

    shown_only: ClassVar[frozenset[str]] = frozenset({"external_id", "policy", "queue_url"})
    derived: ClassVar[Mapping[str, Any]] = {"policy": ConsumerPolicy}

    type: Literal["sqs"]
    managed: bool = False
    queue: Annotated[
        Annotated[str, AfterValidator(checked(check_queue))] | None,
        Field(validate_default=True),
    ] = None
    role_arn: RoleArn | None = None

    @field_validator("queue")
    @classmethod
    def _given_or_made(cls, queue: str | None, info: ValidationInfo) -> str | None:
        managed = info.data.get("managed")
        if queue is None and managed is False:
            raise PydanticCustomError("queue", "is required, unless the queue is managed")
        if queue is not None and managed:
            raise PydanticCustomError("queue", "must be left out if the queue is managed")
        return queue

    @field_validator("role_arn")
    @classmethod
    def _made_in_the_own_account(cls, role_arn: str | None, info: ValidationInfo) -> str | None:
        if role_arn is not None and info.data.get("managed"):
            raise PydanticCustomError("role", "must be left out if the queue is managed")
        return role_arn

    def target(self) -> SqsTarget:
        """Returns the target; a managed queue has neither ARN nor URL until it is made."""
        if self.queue is None:
            return SqsTarget("", "", managed=True)
        return SqsTarget(queue_arn(self.queue), queue_url(self.queue), role_arn=self.role_arn)

    @classmethod
    def without_shown(cls, members: Mapping[str, Any]) -> dict[str, Any]:
        """Removes what an answer adds, which for a managed queue is the queue too."""
        shown = {"queue"} if members.get("managed") is True else set()
        return {
            name: value
            for name, value in members.items()
            if name not in cls.shown_only and name not in shown
        }


REQUEST = SqsTargetRequest
