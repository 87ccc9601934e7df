"""Targets of the type `stepfunctions`: state machines of AWS Step Functions."""

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from botocore.exceptions import BotoCoreError, ClientError

from event_bus import aws_codes
from event_bus.model.outcome import Outcome
from event_bus.targets.aws_target import MEMBERS, AwsTarget, TaggedResource
from event_bus.targets.aws_transport import failure, json_body, xray_header
from event_bus.targets.resources import AwsResources
from event_bus.targets.target_type import Grants, TargetType
from event_bus.targets.transport import DeliveryRequest, Sent

if TYPE_CHECKING:
    from event_bus.targets.aws_clients import TargetClients

STATE_MACHINES = AwsResources(
    service="states",
    name=r"[A-Za-z0-9_-]{1,80}",
    # Versions and aliases have no tags.
    called="the ARN of a state machine of Step Functions, without a version or alias",
    action="StartExecution",
    reads_tags="ListTagsForResource",
    kind="stateMachine:",
    boto3_name="stepfunctions",
)

_STARTED = "ExecutionAlreadyExists"


@dataclass(frozen=True, slots=True)
class StepFunctionsTarget(AwsTarget):
    """A state machine of AWS Step Functions.

    Attributes:
        state_machine: Its ARN.
    """

    state_machine: str
    type: Literal["stepfunctions"] = field(default="stepfunctions", kw_only=True)
    lane: ClassVar[str] = "stepfunctions"

    @property
    def resource(self) -> TaggedResource:
        """The state machine."""
        arn = self.state_machine
        return TaggedResource(
            "state_machine",
            arn,
            "stepfunctions",
            f"stepfunctions tag-resource --resource-arn {arn} --tags",
            lambda client: {
                each["key"]: each["value"]
                for each in client.list_tags_for_resource(resourceArn=arn)["tags"]
            },
            "key={key},value={value}",
        )


@dataclass(frozen=True, slots=True)
class StepFunctionsTransport:
    """Starts an execution for each event.

    Attributes:
        clients: The clients of Step Functions.
    """

    clients: "TargetClients"

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """Returns a key that no other request has: each execution takes one event."""
        return request.key

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Starts an execution for each event; one that has started is delivered."""
        return [self._start(request) for request in requests]

    def _start(self, request: DeliveryRequest) -> Outcome:
        # A lane delivers only to targets of its own type.
        target = cast("StepFunctionsTarget", request.subscription.target)
        header = xray_header(request.event)
        try:
            self.clients.of(request).start_execution(
                stateMachineArn=target.state_machine,
                name=_name(request),
                input=json_body(request),
                **({"traceHeader": header} if header else {}),
            )
        except ClientError as error:
            # An earlier attempt started it, and its answer was lost or not recorded.
            if aws_codes.word(error.response["Error"]["Code"]) == _STARTED:
                return Outcome()
            return failure(error)
        except BotoCoreError as error:
            return failure(error)
        return Outcome()


def _name(request: DeliveryRequest) -> str:
    """Returns the name of the execution, which is the same at each attempt of a delivery.

    A standard state machine starts one execution of a name within 90 days
    (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
    """
    delivery = f"{request.key.subscription_id}#{request.key.webhook_id}"
    return hashlib.sha256(delivery.encode()).hexdigest()


TARGET = TargetType(
    name="StepFunctions",
    settings=StepFunctionsTarget,
    transport=lambda deployment: StepFunctionsTransport(
        deployment.aws_clients(STATE_MACHINES.client)
    ),
    grants=Grants(resources=STATE_MACHINES),
    sent=lambda request: Sent(json_body(request)),
    members={"state_machine": "The ARN of the state machine.", **MEMBERS},
)
