"""Targets of the type `sns`, as clients send them."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from event_bus.requests.validation import checked
from event_bus.targets.requests.target_request import AwsTargetRequest, RoleArn
from event_bus.targets.sns import TOPICS, SnsTarget


class SnsTargetRequest(AwsTargetRequest):
    """A topic, as a client sends it."""

    type: Literal["sns"]
    topic: Annotated[str, AfterValidator(checked(TOPICS.check))]
    role_arn: RoleArn | None = None

    def target(self) -> SnsTarget:
        """Returns the target."""
        return SnsTarget(self.topic, role_arn=self.role_arn)


REQUEST = SnsTargetRequest
