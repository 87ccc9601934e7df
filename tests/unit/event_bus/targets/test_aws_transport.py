"""What SQS and SNS receive, and what becomes of their answers."""

from dataclasses import replace

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    ReadTimeoutError,
)
from event_bus.model.delivery import DeliveryKey
from event_bus.model.outcome import Outcome
from event_bus.targets.aws_transport import failure, messages, outcomes_of, xray_header
from event_bus.targets.sqs import SqsTarget
from event_bus.targets.transport import DeliveryRequest

from tests.builders import event
from tests.unit.event_bus.targets.requests import request

QUEUE = SqsTarget("arn:aws:sqs:us-east-1:000000000000:orders", "https://sqs.example/orders")
TRACE_ID = "5759e988bd862e3fe1be46a994272793"
PARENT = f"00-{TRACE_ID}-53995c3f42cd8ad8-01"


def about(event_id: str, **metadata: str) -> DeliveryRequest:
    """A request about an event with metadata."""
    asked = request(QUEUE, event_id=event_id, event_type="order.paid", metadata=metadata)
    return replace(asked, key=DeliveryKey(event_id, "sub_1", "rpl_1"))


def test_each_message_has_its_place_and_what_queues_filter_by() -> None:
    asked = [
        about("evt_1", trace_id=TRACE_ID, correlation_id="c-1", traceparent=PARENT),
        about("evt_2"),
    ]
    first, second = messages([(asked[0], "one"), (asked[1], "two")], "Message", fifo=False)
    assert (first["Id"], first["Message"]) == ("0", "one")
    assert (second["Id"], second["Message"]) == ("1", "two")
    attributes = first["MessageAttributes"]
    assert {each["DataType"] for each in attributes.values()} == {"String"}
    found = {name: each["StringValue"] for name, each in attributes.items()}
    assert TRACE_ID in found.pop("traceparent")
    assert found == {
        "id": "evt_1",
        "type": "order.paid",
        "source": "planner",
        "correlation_id": "c-1",
        "trace_id": TRACE_ID,
        "replay_id": "rpl_1",
    }
    assert first.keys() == {"Id", "Message", "MessageAttributes"}


@pytest.mark.parametrize(
    ("metadata", "group"), [({}, "evt_1"), ({"stream_id": "order/5"}, "planner/order/5")]
)
def test_a_fifo_queue_keeps_the_order_of_a_stream(metadata: dict[str, str], group: str) -> None:
    [sent] = messages([(about("evt_1", **metadata), "one")], "MessageBody", fifo=True)
    assert (sent["MessageGroupId"], sent["MessageDeduplicationId"]) == (group, "evt_1:rpl_1")


@pytest.mark.parametrize(
    ("stream_id", "kept"),
    [("x" * 120, True), ("x" * 121, False), ("a b", False), ("\u00e9", False), ("a~!b", True)],
)
def test_a_group_that_sqs_refuses_is_hashed(stream_id: str, kept: bool) -> None:
    [sent] = messages([(about("evt_1", stream_id=stream_id), "one")], "MessageBody", fifo=True)
    group = sent["MessageGroupId"]
    assert (group == f"planner/{stream_id}") == kept
    if not kept:
        assert len(group) == 64
        assert group.isalnum()


def test_each_entry_has_its_own_outcome() -> None:
    batch = [(about(f"evt_{each}"), "text") for each in range(3)]
    answer = {
        "Failed": [
            {"Id": "1", "Code": "InternalError", "Message": "again"},
            {"Id": "2", "Code": "X"},
        ]
    }
    assert outcomes_of(batch, answer) == [
        Outcome(),
        Outcome("target_refused", "the target refused (InternalError)", response="again"),
        Outcome("target_refused", "the target refused (X)"),
    ]
    assert outcomes_of(batch, {}) == [Outcome()] * 3


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (
            "AccessDenied",
            Outcome(
                "access_denied",
                "the bus may not deliver to the target: its owner has not opted it in by the tag, "
                "or a policy or role forbids it (AccessDenied)",
                response="m" * 256,
            ),
        ),
        (
            "ThrottlingException",
            Outcome(
                "throttled", "AWS throttled the request (ThrottlingException)", response="m" * 256
            ),
        ),
        (
            "InvalidMessageContents",
            Outcome(
                "target_refused",
                "the target refused (InvalidMessageContents)",
                response="m" * 256,
            ),
        ),
    ],
)
def test_a_refusal_of_aws_is_named(code: str, outcome: Outcome) -> None:
    said = ClientError({"Error": {"Code": code, "Message": "m" * 300}}, "SendMessageBatch")
    assert failure(said) == outcome


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ReadTimeoutError(endpoint_url=""), Outcome("timeout", "AWS did not answer in time")),
        (ConnectTimeoutError(endpoint_url=""), Outcome("timeout", "AWS did not answer in time")),
        (
            ConnectionClosedError(endpoint_url=""),
            Outcome("connection_broken", "the connection to AWS broke"),
        ),
    ],
)
def test_a_request_without_an_answer_is_named(error: Exception, outcome: Outcome) -> None:
    assert failure(error) == outcome  # type: ignore[arg-type]


def test_x_ray_knows_w3c_traces_alone() -> None:
    known = f"Root=1-{TRACE_ID[:8]}-{TRACE_ID[8:]}"
    assert xray_header(event(metadata={"trace_id": TRACE_ID})) == known
    for other in ({}, {"trace_id": TRACE_ID[:-1]}, {"trace_id": TRACE_ID.upper()}):
        assert xray_header(event(metadata=dict(other))) is None
