"""What a publish sends: ids, batches, models, trace context."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from event_bus_client import (
    ConfigurationError,
    ConnectionFailed,
    EventBus,
    Forbidden,
    NewEvent,
    RetryPolicy,
    event_type,
    parse,
)
from event_bus_client.models import Event
from event_bus_client.publishing import MAX_BATCH_BYTES, batches, new_id
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

AT = "2026-05-01T12:00:00.000Z"
QUICK = RetryPolicy(attempts=3, first_wait=0)


class Bus:
    """A bus that fails as often as it is told to, and then stores."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if len(self.requests) <= self.failures:
            raise httpx.ConnectError("refused")
        body = json.loads(request.content)
        if isinstance(body, list):
            results = [self.stored(each) | {"status": 202} for each in body]
            return httpx.Response(
                202, json={"accepted": len(body), "refused": 0, "results": results}
            )
        return httpx.Response(202, json=self.stored(body))

    @staticmethod
    def stored(event: dict[str, object]) -> dict[str, object]:
        return {
            "id": event["id"],
            "type": event["type"],
            "source": event.get("source", "shop"),
            "timestamp": AT,
            "created_at": AT,
        }

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(each.content) for each in self.requests]


def client(bus: Bus) -> EventBus:
    return EventBus(
        "https://bus.example", "ebk_1", retries=QUICK, transport=httpx.MockTransport(bus)
    )


def test_an_event_keeps_its_id_through_all_attempts() -> None:
    bus = Bus(failures=2)
    receipt = client(bus).publish("order.placed", {"total": 250})
    sent = bus.bodies
    assert len(sent) == 3
    assert sent[0] == sent[1] == sent[2]
    assert receipt.id == sent[0]["id"]
    assert receipt.created_at == datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_without_an_answer_it_says_so() -> None:
    bus = Bus(failures=9)
    with pytest.raises(ConnectionFailed, match="3 attempts"):
        client(bus).publish("order.placed", {})
    assert len(bus.requests) == 3


def test_only_what_was_given_is_sent() -> None:
    bus = Bus()
    client(bus).publish("order.placed", {"total": None}, id="order-1")
    assert bus.bodies == [
        {"type": "order.placed", "payload": {"total": None}, "id": "order-1", "metadata": {}}
    ]
    assert bus.requests[0].headers["x-api-key"] == "ebk_1"


def test_a_batch_has_a_result_for_each_event() -> None:
    bus = Bus()
    events = [NewEvent(type="order.placed", payload={"n": n}) for n in range(250)]
    results = client(bus).publish_batch(events)
    assert [len(each) for each in bus.bodies] == [100, 100, 50]
    assert all(each.receipt and each.receipt.id == each.id for each in results)
    assert len({each.id for each in results}) == 250


def test_a_refused_event_of_a_batch_raises_nothing() -> None:
    refusal = {
        "type": "urn:event-bus:problem:forbidden",
        "title": "Not permitted",
        "status": 403,
        "detail": "shop is not registered to publish user.created",
    }

    def respond(request: httpx.Request) -> httpx.Response:
        first, _ = json.loads(request.content)
        results = [Bus.stored(first) | {"status": 202}, {"status": 403, "error": refusal}]
        return httpx.Response(207, json={"accepted": 1, "refused": 1, "results": results})

    bus = EventBus("https://bus.example", transport=httpx.MockTransport(respond))
    stored, refused = bus.publish_batch(
        [NewEvent(type="order.placed", payload={}), NewEvent(type="user.created", payload={})]
    )
    assert stored.receipt
    assert stored.problem is None
    assert isinstance(refused.problem, Forbidden)
    assert refused.receipt is None


@given(st.lists(st.integers(0, MAX_BATCH_BYTES // 3), max_size=30))
def test_batches_keep_the_order_and_the_limits(sizes: list[int]) -> None:
    documents = [{"n": n, "payload": "x" * size} for n, size in enumerate(sizes)]
    made = list(batches(documents))
    assert [each for batch in made for each in batch] == documents
    for batch in made:
        assert 1 <= len(batch) <= 100
        assert len(json.dumps(batch, separators=(",", ":"))) <= MAX_BATCH_BYTES + 200


def test_ids_sort_by_time_and_never_repeat() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert len(ids[0]) == len("evt_") + 26
    assert ids[0][:12] <= ids[-1][:12]


@event_type("order.shipped")
class OrderShipped(BaseModel):
    order_id: str
    boxes: int = 1


def test_a_declared_model_is_published_and_parsed_back() -> None:
    bus = Bus()
    client(bus).publish(OrderShipped(order_id="o-1"))
    [sent] = bus.bodies
    assert sent["type"] == "order.shipped"
    assert sent["payload"] == {"order_id": "o-1", "boxes": 1}
    event = Event(id="e", type="order.shipped", source="s", timestamp=AT, payload=sent["payload"])
    assert parse(event) == OrderShipped(order_id="o-1")
    assert parse(event.model_copy(update={"type": "order.lost"})) is None


def test_a_model_that_was_not_declared_is_named() -> None:
    class Nameless(BaseModel):
        pass

    with pytest.raises(ConfigurationError, match="Nameless"):
        client(Bus()).publish(Nameless())


def test_bytes_go_in_base64() -> None:
    bus = Bus()
    client(bus).publish("image.taken", b"\x89PNG\xff", content_type="image/png")
    client(bus).publish_batch([NewEvent(type="image.taken", payload=b"")])
    sent, [second] = bus.bodies
    assert (sent["payload_base64"], sent["content_type"]) == ("iVBOR/8=", "image/png")
    assert "payload" not in sent
    assert second["payload_base64"] == ""


def test_bytes_are_read_from_base64() -> None:
    members = {"id": "evt_1", "type": "image.taken", "source": "shop", "timestamp": AT}
    read = Event.model_validate({**members, "content_type": "a/b", "payload_base64": "iVBOR/8="})
    assert (read.content, read.payload) == (b"\x89PNG\xff", None)
    assert Event.model_validate({**members, "payload": {}}).content is None


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_no_number_becomes_null(number: float) -> None:
    asked: list[httpx.Request] = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(202)

    bus = EventBus("https://bus.test", transport=httpx.MockTransport(answers))
    event = NewEvent(type="order.placed", payload={"total": number})
    with pytest.raises(ValueError, match="JSON compliant"):
        bus.publish("order.placed", {"total": number})
    with pytest.raises(ValueError, match="JSON compliant"):
        bus.publish_batch([event])
    assert asked == []
