"""Topics are named and published to as SNS has it."""

import orjson
from event_bus.model.outcome import Outcome
from event_bus.targets.sns import SnsTarget, SnsTransport

from tests.unit.event_bus.targets.aws_services import ACCOUNT, REGION, RecordingClients, Services
from tests.unit.event_bus.targets.requests import (
    entry_beside_message,
    envelope_of,
    faults,
    request,
    validated,
)

ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:orders"


def test_validates(services: Services) -> None:
    assert validated(type="sns", topic=ARN) == SnsTarget(ARN)
    assert faults(type="sns") == ["/topic"]
    assert faults(type="sns", topic=f"{ARN}/x") == ["/topic"]
    assert faults(type="sns", topic=ARN.replace("orders", "event-bus-prod-x")) == ["/topic"]
    assert faults(type="sns", topic=ARN, role_arn=ARN) == ["/role_arn"]


def test_formats(services: Services) -> None:
    services("sns").create_topic(
        Name="orders.fifo", Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "no"}
    )
    client = RecordingClients("sns", client=services("sns"))
    sent = request(SnsTarget(f"{ARN}.fifo"), metadata={"correlation_id": "cart-7"})
    SnsTransport(client).deliver([sent])
    [asked] = client.asked
    [entry] = asked["PublishBatchRequestEntries"]
    assert orjson.loads(entry.pop("Message")) == envelope_of(sent)
    assert asked["TopicArn"] == f"{ARN}.fifo"
    assert entry == entry_beside_message("evt_1", correlation_id="cart-7")


def test_delivers(services: Services) -> None:
    sns, sqs = services("sns"), services("sqs")
    sns.create_topic(Name="orders")
    url = sqs.create_queue(QueueName="listener")["QueueUrl"]
    sns.subscribe(
        TopicArn=ARN,
        Protocol="sqs",
        Endpoint=ARN.replace("sns", "sqs").replace("orders", "listener"),
    )
    transport = SnsTransport(RecordingClients("sns", client=sns))
    sent = request(SnsTarget(ARN), payload={"total": 250})
    assert transport.deliver([sent]) == [Outcome()]
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    published = orjson.loads(message["Body"])
    assert orjson.loads(published["Message"])["payload"] == {"total": 250}
    assert published["MessageAttributes"]["type"]["Value"] == "task.created"
    sns.delete_topic(TopicArn=ARN)
    [outcome] = transport.deliver([sent])
    assert outcome.code == "target_not_found"
