"""Functions are named and invoked as Lambda has it."""

import io
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.requests.event import MAX_PAYLOAD_BYTES
from event_bus.targets.lambda_function import MAX_RESULT_BYTES, LambdaTarget, LambdaTransport
from event_bus.targets.transport import DeliveryRequest

from tests.builders import event, subscription
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


def returned(
    result: io.BytesIO, sent: Event, *, reply: bool = True
) -> tuple[Outcome, list[tuple[Any, bool]]]:
    """What came of a delivery to a function with this result, and what was replied."""
    replies = KeptReplies()
    invoked = SimpleNamespace(invoke=lambda **_: {"Payload": result})
    transport = LambdaTransport(lambda: replies, RecordingClients("lambda", client=invoked))
    to = subscription(target=LambdaTarget(ARN, "sync", reply), handles=True)
    [outcome] = transport.deliver([DeliveryRequest(DeliveryKey("evt_1", to.id), sent, to)])
    return outcome, replies.kept


COMMAND = event(event_type="command.pay")
LONGEST = b'"' + b"x" * (MAX_RESULT_BYTES - 2) + b'"'


def test_a_result_as_long_as_a_payload_is_the_reply(services: Services) -> None:
    assert MAX_RESULT_BYTES == MAX_PAYLOAD_BYTES
    outcome, kept = returned(io.BytesIO(LONGEST), COMMAND)
    assert outcome.delivered
    assert kept == [(orjson.loads(LONGEST), False)]


def test_a_longer_result_is_neither_read_nor_replied(services: Services) -> None:
    result = io.BytesIO(LONGEST + b" " * 5_000_000)
    outcome, [(reply, failed)] = returned(result, COMMAND)
    said = "the result has more than 1048576 bytes"
    assert (outcome.delivered, failed, reply["detail"]) == (True, True, said)
    assert result.tell() == MAX_RESULT_BYTES + 1
    asking = event(metadata={"reply_to": "order.paid"})
    outcome, kept = returned(io.BytesIO(LONGEST + b" "), asking)
    assert (outcome.code, outcome.message, kept) == ("reply_refused", said, [])
    result = io.BytesIO(LONGEST * 6)
    outcome, kept = returned(result, COMMAND, reply=False)
    assert (outcome.delivered, kept, result.tell()) == (True, [], MAX_RESULT_BYTES + 1)
