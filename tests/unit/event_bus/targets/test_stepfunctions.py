"""State machines are named and started as Step Functions has it."""

import orjson
import pytest
from event_bus.model.outcome import Outcome
from event_bus.targets.stepfunctions import StepFunctionsTarget, StepFunctionsTransport

from tests.unit.event_bus.targets.aws_services import ACCOUNT, REGION, RecordingClients, Services
from tests.unit.event_bus.targets.requests import envelope_of, faults, request, validated

ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:ship"
DEFINITION = '{"StartAt": "Wait", "States": {"Wait": {"Type": "Succeed"}}}'


@pytest.fixture
def machine(services: Services) -> str:
    """A state machine that ends at once."""
    role = services("iam").create_role(RoleName="ship", AssumeRolePolicyDocument="{}")["Role"]
    made = services("stepfunctions").create_state_machine(
        name="ship", definition=DEFINITION, roleArn=role["Arn"]
    )
    return str(made["stateMachineArn"])


def test_validates(services: Services) -> None:
    assert validated(type="stepfunctions", state_machine=ARN) == StepFunctionsTarget(ARN)
    assert faults(type="stepfunctions") == ["/state_machine"]
    for refused in (
        "ship",
        f"{ARN}:live",
        ARN.replace("stateMachine", "execution"),
        ARN.replace(":ship", ":event-bus-prod-ship"),
        ARN.replace(REGION, "us-east-1"),
    ):
        assert faults(type="stepfunctions", state_machine=refused) == ["/state_machine"]


def test_formats(services: Services, machine: str) -> None:
    client = RecordingClients("stepfunctions", client=services("stepfunctions"))
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    sent = request(StepFunctionsTarget(machine), metadata={"trace_id": trace_id})
    StepFunctionsTransport(client).deliver([sent])
    [asked] = client.asked
    assert orjson.loads(asked.pop("input")) == envelope_of(sent)
    assert len(asked.pop("name")) == 64
    assert asked == {
        "stateMachineArn": machine,
        "traceHeader": "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736",
    }


def test_delivers(services: Services, machine: str) -> None:
    states = services("stepfunctions")
    transport = StepFunctionsTransport(RecordingClients("stepfunctions", client=states))
    sent = request(StepFunctionsTarget(machine), payload={"total": 250})
    # A repeated attempt starts nothing more.
    assert transport.deliver([sent, sent]) == [Outcome(), Outcome()]
    [execution] = states.list_executions(stateMachineArn=machine)["executions"]
    described = states.describe_execution(executionArn=execution["executionArn"])
    assert orjson.loads(described["input"])["payload"] == {"total": 250}
    missing = request(StepFunctionsTarget(f"{machine}-gone"))
    [outcome] = transport.deliver([missing])
    assert outcome.code == "target_not_found"


def test_two_subscriptions_to_one_state_machine_start_it_twice(
    services: Services, machine: str
) -> None:
    states = services("stepfunctions")
    transport = StepFunctionsTransport(RecordingClients("stepfunctions", client=states))
    for subscription_id in ("sub_1", "sub_2"):
        sent = request(StepFunctionsTarget(machine), subscription_id=subscription_id)
        assert transport.deliver([sent]) == [Outcome()]
    assert len(states.list_executions(stateMachineArn=machine)["executions"]) == 2
