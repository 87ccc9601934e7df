"""Targets of the type `stepfunctions`, as clients send them."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from event_bus.requests.validation import checked
from event_bus.targets.requests.target_request import AwsTargetRequest, RoleArn
from event_bus.targets.stepfunctions import STATE_MACHINES, StepFunctionsTarget


class StepFunctionsTargetRequest(AwsTargetRequest):
    """A state machine of AWS Step Functions, as a client sends it."""

    type: Literal["stepfunctions"]
    state_machine: Annotated[str, AfterValidator(checked(STATE_MACHINES.check))]
    role_arn: RoleArn | None = None

    def target(self) -> StepFunctionsTarget:
        """Returns the target."""
        return StepFunctionsTarget(self.state_machine, role_arn=self.role_arn)


REQUEST = StepFunctionsTargetRequest
