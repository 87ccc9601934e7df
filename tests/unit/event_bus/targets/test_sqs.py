"""Queues are named, filled and read as SQS has it."""

import orjson
from event_bus.model.outcome import Outcome
from event_bus.targets.sqs import SqsTarget, SqsTransport

from tests.unit.event_bus.targets.aws_services import (
    ACCOUNT,
    OTHER_ACCOUNT,
    REGION,
    RecordingClients,
    Services,
)
from tests.unit.event_bus.targets.requests import (
    entry_beside_message,
    envelope_of,
    faults,
    request,
    validated,
)

ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders"
URL = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/orders"
ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/event-bus-delivery"


def test_validates(services: Services) -> None:
    assert validated(type="sqs", queue=ARN) == SqsTarget(ARN, URL)
    assert validated(type="sqs", queue=URL, role_arn=ROLE) == SqsTarget(ARN, URL, role_arn=ROLE)
    assert validated(type="sqs", managed=True) == SqsTarget("", "", managed=True)
    assert faults(type="sqs") == ["/queue"]
    assert faults(type="sqs", queue=ARN, managed=True) == ["/queue"]
    assert faults(type="sqs", managed=True, role_arn=ROLE) == ["/role_arn"]
    assert faults(type="sqs", queue=ARN.replace("sqs", "sns")) == ["/queue"]
    assert faults(type="sqs", queue=ARN, colour="red") == ["/colour"]


def test_formats(services: Services) -> None:
    client = RecordingClients("sqs", client=services("sqs"))
    url = services("sqs").create_queue(
        QueueName="orders.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "no"}
    )["QueueUrl"]
    sent = request(SqsTarget(f"{ARN}.fifo", url), metadata={"stream_id": "task/1", "trace_id": "t"})
    SqsTransport(client).deliver([sent])
    [asked] = client.asked
    [entry] = asked["Entries"]
    assert orjson.loads(entry.pop("MessageBody")) == envelope_of(sent)
    assert asked["QueueUrl"] == url
    assert entry == entry_beside_message("planner/task/1", trace_id="t")


def test_delivers(services: Services) -> None:
    sqs = services("sqs")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    transport = SqsTransport(RecordingClients("sqs", client=sqs))
    sent = request(SqsTarget(ARN, url), payload={"total": 250})
    assert transport.deliver([sent]) == [Outcome()]
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert orjson.loads(message["Body"])["payload"] == {"total": 250}
    sqs.delete_queue(QueueUrl=url)
    [outcome] = transport.deliver([sent])
    assert outcome.code == "target_not_found"
