"""Targets of the type `lambda`, as clients send them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from event_bus.requests.validation import checked
from event_bus.targets.lambda_function import FUNCTIONS, LambdaTarget
from event_bus.targets.requests.target_request import AwsTargetRequest, RoleArn


class LambdaTargetRequest(AwsTargetRequest):
    """A function, as a client sends it."""

    type: Literal["lambda"]
    function: Annotated[str, AfterValidator(checked(FUNCTIONS.check))]
    invocation: Literal["async", "sync"] = "async"
    reply: bool = False
    role_arn: RoleArn | None = None

    @field_validator("reply")
    @classmethod
    def _has_a_result(cls, reply: bool, info: ValidationInfo) -> bool:
        if reply and info.data.get("invocation") == "async":
            raise PydanticCustomError("reply", "must be false if the invocation is not sync")
        return reply

    def target(self) -> LambdaTarget:
        """Returns the target."""
        return LambdaTarget(self.function, self.invocation, self.reply, role_arn=self.role_arn)


REQUEST = LambdaTargetRequest
