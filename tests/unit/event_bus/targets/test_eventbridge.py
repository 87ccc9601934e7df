"""Event buses are named and given entries as EventBridge has it."""

import orjson
import pytest
from event_bus.model.outcome import Outcome
from event_bus.targets.eventbridge import (
    EventBridgeTarget,
    EventBridgeTransport,
    check_event_bus,
)
from moto.events.utils import EventTemplateParser

from tests.unit.event_bus.targets.aws_services import ACCOUNT, REGION, RecordingClients, Services
from tests.unit.event_bus.targets.requests import envelope_of, faults, request, validated

ARN = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/orders"


def test_validates(services: Services) -> None:
    assert validated(type="eventbridge", event_bus=ARN) == EventBridgeTarget(ARN)
    mirror = ARN.replace("orders", "event-bus-prod")
    assert validated(type="eventbridge", event_bus=mirror) == EventBridgeTarget(mirror)
    assert faults(type="eventbridge") == ["/event_bus"]
    assert faults(type="eventbridge", event_bus="orders") == ["/event_bus"]
    assert faults(type="eventbridge", event_bus=f"{mirror}-x") == ["/event_bus"]


@pytest.mark.usefixtures("services")
def test_a_custom_event_bus_is_refused_by_name() -> None:
    custom = ARN.replace("event-bus/orders", "event-busv2/orders/umsn1mzdebj8ynyo3i9hphbdq")
    with pytest.raises(ValueError, match="Classic event bus of EventBridge, with event-bus/"):
        check_event_bus(custom)


def test_formats(services: Services) -> None:
    services("events").create_event_bus(Name="orders")
    client = RecordingClients("events", client=services("events"))
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    sent = request(EventBridgeTarget(ARN), metadata={"trace_id": trace_id})
    EventBridgeTransport(client).deliver([sent])
    [asked] = client.asked
    [entry] = asked["Entries"]
    assert orjson.loads(entry.pop("Detail")) == envelope_of(sent)
    assert entry == {
        "EventBusName": ARN,
        "Source": "planner",
        "DetailType": "task.created",
        "Time": sent.event.timestamp,
        "TraceHeader": "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736",
    }


def test_delivers(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    # The rule below has no input template; moto needs a library even so.
    monkeypatch.setattr(EventTemplateParser, "parse", lambda event, **_: {**event})
    events, sqs = services("events"), services("sqs")
    events.create_event_bus(Name="orders")
    url = sqs.create_queue(QueueName="listener")["QueueUrl"]
    events.put_rule(
        Name="all", EventBusName="orders", EventPattern='{"detail-type": ["task.created"]}'
    )
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:listener"
    events.put_targets(Rule="all", EventBusName="orders", Targets=[{"Id": "1", "Arn": queue}])
    transport = EventBridgeTransport(RecordingClients("events", client=events))
    sent = request(EventBridgeTarget(ARN), payload={"total": 250})
    assert transport.deliver([sent]) == [Outcome()]
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    delivered = orjson.loads(message["Body"])
    assert delivered["source"] == "planner"
    assert delivered["detail"]["payload"] == {"total": 250}
