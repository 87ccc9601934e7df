"""The bus in memory answers the client as the real one does."""

import asyncio
import base64
from collections.abc import Sequence
from contextlib import aclosing, closing
from typing import Any

import httpx
import orjson
import pytest
from event_bus.api.description import DOCUMENT
from event_bus.matching.filters import SubscriptionFilter
from event_bus_client import (
    BackgroundPublisher,
    Conflict,
    ConnectionFailed,
    Event,
    EventBus,
    InvalidRequest,
    NewEvent,
    NotFound,
    Receiver,
    ServerError,
)
from event_bus_client.testing import FakeBus
from hypothesis import given
from hypothesis import strategies as st

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()


@pytest.fixture
def fake() -> FakeBus:
    return FakeBus(source="shop")


@pytest.fixture
def bus(fake: FakeBus) -> EventBus:
    return fake.client()


def pulled(bus: EventBus, *event_types: str, **members: Any) -> str:
    made = bus.subscriptions.create(
        event_types=list(event_types), target={"type": "pull"}, **members
    )
    return str(made["id"])


def ids(events: Sequence[Event]) -> list[str]:
    return [each.id for each in events]


def test_what_was_published_is_there(fake: FakeBus, bus: EventBus) -> None:
    first = bus.publish("order.placed", {"total": 250}, metadata={"correlation_id": "c"})
    second = bus.publish("user.created", {}, source="crm")
    assert ids(fake.published()) == [first.id, second.id]
    assert ids(fake.published("order.*")) == [first.id]
    assert bus.events.get(first.id).payload == {"total": 250}
    assert ids(list(bus.events.list(limit=1))) == [second.id, first.id]
    assert ids(list(bus.events.list(correlation_id="c"))) == [first.id]
    assert ids(list(bus.events.list(source="crm", order="oldest"))) == [second.id]
    with pytest.raises(NotFound):
        bus.events.get("none")


def test_bytes_are_published_and_received(fake: FakeBus, bus: EventBus) -> None:
    inbox = pulled(bus, "image.*")
    bus.publish("image.made", b"\x00\xff", content_type="image/png")
    [received] = bus.inbox(inbox).receive(until_empty=True)
    assert (received.event.content, received.event.content_type) == (b"\x00\xff", "image/png")
    assert received.event.payload is None
    assert fake.published()[0].content == b"\x00\xff"


def test_an_id_stands_for_one_event(bus: EventBus) -> None:
    first = bus.publish("order.placed", {"total": 1}, id="a")
    assert bus.publish("order.placed", {"total": 1}, id="a") == first
    with pytest.raises(Conflict):
        bus.publish("order.placed", {"total": 2}, id="a")


def test_what_is_not_valid_is_refused_as_by_the_bus(bus: EventBus) -> None:
    for event_type in ("order.", "", "order.*", "a b"):
        with pytest.raises(InvalidRequest) as refused:
            bus.publish(event_type, {})
        assert refused.value.faults[0].pointer == "/type"
    filters = {"order.placed": {"total": [{"numeric": ["=>", 1]}]}}
    with pytest.raises(InvalidRequest) as refused:
        pulled(bus, "order.*", filters=filters)
    assert refused.value.faults[0].pointer.startswith("/filters/order.placed/total")
    results = bus.publish_batch([NewEvent(type="a.b", payload={}), NewEvent(type="", payload={})])
    assert [each.problem is None for each in results] == [True, False]


def test_an_inbox_holds_what_matches(bus: EventBus) -> None:
    large = pulled(bus, "order.*", filters={"order.placed": {"total": [{"numeric": [">=", 100]}]}})
    totals = (250, 20, 100)
    sent = [bus.publish("order.placed", {"total": each}).id for each in totals]
    other = bus.publish("order.lost", {}).id
    bus.publish("user.created", {"total": 300})
    found = [each.event.id for each in bus.inbox(large).receive(until_empty=True)]
    assert found == [sent[0], sent[2], other]
    assert list(bus.inbox(large).receive(until_empty=True)) == []
    bus.subscriptions.update(large, status="paused")
    bus.publish("order.lost", {})
    assert list(bus.inbox(large).receive(until_empty=True)) == []
    bus.subscriptions.delete(large)
    with pytest.raises(NotFound):
        next(bus.inbox(large).receive())


def test_what_was_not_handled_comes_again(bus: EventBus) -> None:
    inbox = pulled(bus, "order.*")
    sent = [bus.publish("order.placed", {"n": n}).id for n in range(3)]
    with closing(bus.inbox(inbox).receive(lease_seconds=1)) as events:
        assert next(events).event.id == sent[0]
        assert next(events).event.id == sent[1]
    with pytest.raises(Conflict):
        bus._transport.send(call(inbox))
    found = [each.event.id for each in bus.inbox(inbox).receive(until_empty=True)]
    assert found == sent[1:]


def call(inbox: str) -> Any:
    from event_bus_client.calls import Call  # noqa: PLC0415

    return Call("GET", f"/subscriptions/{inbox}/events")


def test_a_receiver_gets_signed_webhooks(fake: FakeBus, bus: EventBus) -> None:
    receiver, seen, closed = Receiver(SECRET), [], [True]

    @receiver.on("order.*")
    def handle(event: Event) -> None:
        if closed:
            raise ValueError("the shop is closed")
        seen.append(event.id)

    fake.connect(receiver, "order.*", filters={"order.placed": {"total": [250]}})
    sent = bus.publish("order.placed", {"total": 250}).id
    bus.publish("order.placed", {"total": 251})
    assert seen == []
    [failed] = fake.failed_deliveries
    assert (failed.event.id, failed.status) == (sent, 500)
    closed.clear()
    assert fake.deliver() == []
    assert seen == [sent]


def test_an_outage_is_met_by_the_retries_of_the_client(fake: FakeBus, bus: EventBus) -> None:
    with fake.outage(), pytest.raises(ServerError):
        bus.publish("order.placed", {})
    with fake.outage(0), pytest.raises(ConnectionFailed):
        bus.publish("order.placed", {})
    with BackgroundPublisher(bus) as publisher:
        sent = publisher.publish("order.placed", {})
    assert ids(fake.published()) == [sent]


def test_the_client_for_asyncio_does_the_same(fake: FakeBus) -> None:
    async def play() -> list[str]:
        async with fake.async_client() as bus:
            made = await bus.subscriptions.create(event_types=["*"], target={"type": "pull"})
            sent = await asyncio.gather(*(bus.publish("order.placed", {}) for _ in range(3)))
            async with aclosing(bus.inbox(made["id"]).receive(until_empty=True)) as events:
                found = [each.event.id async for each in events]
            assert sorted(found) == sorted(each.id for each in sent)
            return found

    assert len(asyncio.run(play())) == 3


VALUES = st.one_of(st.integers(-3, 3), st.sampled_from(["a", "b", "ab"]), st.none(), st.booleans())
PATTERNS = st.sampled_from(
    [
        {"x": [1]},
        {"x": [{"numeric": [">", 0, "<=", 2]}]},
        {"x": [{"prefix": "a"}]},
        {"x": [{"exists": False}]},
        {"x": [{"anything-but": ["a", "ab"]}], "y": [None, True]},
        {"$or": [{"x": ["b"]}, {"y": [{"exists": True}]}]},
    ]
)


@given(st.dictionaries(st.sampled_from("xy"), VALUES), PATTERNS)
def test_events_are_matched_as_by_the_bus(payload: dict[str, Any], pattern: Any) -> None:
    fake = FakeBus()
    bus, filters = fake.client(), {"order.*": pattern}
    inbox = pulled(bus, "order.placed", filters=filters)
    bus.publish("order.placed", payload)
    found = bus.inbox(inbox)._transport.send(call(inbox))["items"]
    expected = SubscriptionFilter(["order.placed"], filters)
    assert bool(found) == expected.matches("order.placed", "test", payload, {})


def test_answers_have_the_members_of_the_api(fake: FakeBus) -> None:
    schemas = orjson.loads(DOCUMENT.read_bytes())["components"]["schemas"]
    shown: dict[str, Any] = {}

    def keep(request: httpx.Request) -> httpx.Response:
        answer = fake._answer(request)
        shown[f"{request.method} {request.url.path.split('/')[-1]}"] = answer.json()
        return answer

    bus = EventBus("https://bus.invalid", transport=httpx.MockTransport(keep))
    made = pulled(bus, "order.*")
    sent = bus.publish("order.placed", {}).id
    bus.events.get(sent)
    bus._transport.send(call(made))
    for name, schema in (
        ("POST subscriptions", "CreatedSubscription"),
        ("POST events", "AcceptedEvent"),
        (f"GET {sent}", "Event"),
        ("GET events", "FetchedEvents"),
    ):
        assert shown[name].keys() <= schemas[schema]["properties"].keys(), name
