"""Traces of OpenTelemetry go through the bus."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from event_bus_client import (
    AsyncReceiver,
    BackgroundPublisher,
    Event,
    EventBus,
    NewEvent,
    Receiver,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Tracer, format_trace_id, get_current_span

from tests.unit.clients.received import SECRET
from tests.unit.clients.test_receivers import by_fastapi, post

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def tracer() -> Tracer:
    return TracerProvider().get_tracer("test")


class Bus:
    """A bus that keeps the metadata of what is published."""

    def __init__(self) -> None:
        self.metadata: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        at = "2026-05-01T12:00:00.000Z"
        body = json.loads(request.content)
        self.metadata += [each["metadata"] for each in (body if isinstance(body, list) else [body])]
        stored = {"id": "e1", "type": "a.b", "source": "s", "timestamp": at, "created_at": at}
        return httpx.Response(202, json={**stored, "results": [stored]})

    @property
    def client(self) -> EventBus:
        return EventBus("https://bus.example", transport=httpx.MockTransport(self))


def test_an_event_carries_the_trace_of_the_current_span(tracer: Tracer) -> None:
    bus = Bus()
    with tracer.start_as_current_span("order") as span:
        bus.client.publish("order.placed", {})
        bus.client.publish_batch([NewEvent(type="order.placed", payload={})])
        bus.client.publish("order.placed", {}, metadata={"traceparent": TRACEPARENT})
    bus.client.publish("order.placed", {})
    mine = format_trace_id(span.get_span_context().trace_id)
    traces = [each.get("traceparent", "--").split("-")[1] for each in bus.metadata]
    assert traces == [mine, mine, TRACE, ""]


def test_an_event_that_a_thread_publishes_carries_the_trace_of_its_publisher(
    tracer: Tracer, tmp_path: Path
) -> None:
    bus = Bus()
    file = tmp_path / "spool"
    # Nothing is sent before the flush.
    with BackgroundPublisher(bus.client, flush_seconds=3_600, spool=file) as publisher:
        with tracer.start_as_current_span("order") as span:
            publisher.publish("order.placed", {})
        spooled = json.loads(file.read_text())
        assert publisher.flush(30)
        publisher.publish("order.placed", {}, metadata={"traceparent": TRACEPARENT})
        assert publisher.flush(30)
        publisher.publish("order.placed", {})
    mine = format_trace_id(span.get_span_context().trace_id)
    traces = [each.get("traceparent", "--").split("-")[1] for each in bus.metadata]
    assert traces == [mine, TRACE, ""]
    # A later process could not find out the trace.
    assert spooled["metadata"] == bus.metadata[0]


@pytest.mark.parametrize("kind", [Receiver, AsyncReceiver])
def test_a_function_runs_in_the_trace_of_its_event(kind: Any) -> None:
    bus, receiver = Bus(), kind(SECRET)

    def handle(event: Event) -> None:
        bus.client.publish("order.billed", {})

    receiver.on("order.placed")(handle)
    assert post(by_fastapi(receiver), metadata={"traceparent": TRACEPARENT}).status == 204
    assert post(by_fastapi(receiver), "order-2", metadata={}).status == 204
    traced, other = bus.metadata
    assert traced["traceparent"].split("-")[1] == TRACE
    assert "traceparent" not in other
    assert not get_current_span().get_span_context().is_valid
