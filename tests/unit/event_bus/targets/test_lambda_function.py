"""Functions are named and invoked as Lambda has it."""

import io
from typing import Any

import orjson
import pytest
from event_bus.targets.lambda_function import LambdaTarget, LambdaTransport

from tests.replies import KeptReplies
from tests.unit.event_bus.targets.aws_services import ACCOUNT, REGION, RecordingClients, Services
from tests.unit.event_bus.targets.requests import envelope_of, faults, request, validated

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:bill"


def test_validates(services: Services) -> None:
    assert validated(type="lambda", function=f"{ARN}:live") == LambdaTarget(f"{ARN}:live")
    asked = validated(type="lambda", function=ARN, invocation="sync", reply=True)
    assert asked == LambdaTarget(ARN, "sync", reply=True)
    assert faults(type="lambda") == ["/function"]
    assert faults(type="lambda", function="bill") == ["/function"]
    assert faults(type="lambda", function=ARN, reply=True) == ["/reply"]
    assert faults(type="lambda", function=ARN, invocation="later") == ["/invocation"]


@pytest.mark.parametrize(
    ("invocation", "type_of_invocation"), [("async", "Event"), ("sync", "RequestResponse")]
)
def test_formats(services: Services, invocation: Any, type_of_invocation: str) -> None:
    class Lambda:
        def invoke(self, **_: Any) -> dict[str, Any]:
            return {"Payload": io.BytesIO(b"")}

    client = RecordingClients("lambda", client=Lambda())
    sent = request(LambdaTarget(ARN, invocation), payload={"total": 250})
    LambdaTransport(KeptReplies, client).deliver([sent])
    [asked] = client.asked
    assert orjson.loads(asked.pop("Payload")) == envelope_of(sent)
    assert asked == {"FunctionName": ARN, "InvocationType": type_of_invocation}


def test_delivers(services: Services) -> None:
    lambda_ = services("lambda")
    role = services("iam").create_role(RoleName="bill", AssumeRolePolicyDocument="{}")["Role"]
    lambda_.create_function(
        FunctionName="bill",
        Runtime="python3.13",
        Handler="handler.handler",
        Role=role["Arn"],
        Code={"ZipFile": b"code"},
    )
    transport = LambdaTransport(KeptReplies, RecordingClients("lambda", client=lambda_))
    [outcome] = transport.deliver([request(LambdaTarget(ARN, "sync"))])
    # Functions of moto return what they were invoked with.
    assert outcome.delivered
    assert orjson.loads(outcome.response)["id"] == "evt_1"
