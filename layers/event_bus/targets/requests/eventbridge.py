"""Targets of the type `eventbridge`, as clients send them."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from event_bus.requests.validation import checked
from event_bus.targets.eventbridge import EventBridgeTarget, check_event_bus
from event_bus.targets.requests.target_request import AwsTargetRequest, RoleArn


class EventBridgeTargetRequest(AwsTargetRequest):
    """An event bus of Amazon EventBridge, as a client sends it."""

    type: Literal["eventbridge"]
    event_bus: Annotated[str, AfterValidator(checked(check_event_bus))]
    role_arn: RoleArn | None = None

    def target(self) -> EventBridgeTarget:
        """Returns the target."""
        return EventBridgeTarget(self.event_bus, role_arn=self.role_arn)


REQUEST = EventBridgeTargetRequest
