"""The fake bus answers the client as the real bus does."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import aclosing, closing
from typing import Any

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
from event_bus_client.calls import Call
from event_bus_client.testing import FakeBus
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.clients.fake_buses import SECRET, bus, fake, pulled

__all__ = ["bus", "fake"]


def ids(events: Sequence[Event]) -> list[str]:
    return [each.id for each in events]


def test_published_events_can_be_listed_and_read(fake: FakeBus, bus: EventBus) -> None:
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


def test_an_invalid_request_is_refused_as_by_the_bus(bus: EventBus) -> None:
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


def test_unhandled_events_come_again(bus: EventBus) -> None:
    inbox = pulled(bus, "order.*")
    sent = [bus.publish("order.placed", {"n": n}).id for n in range(3)]
    with closing(bus.inbox(inbox).receive(lease_seconds=3)) as events:
        assert next(events).event.id == sent[0]
        assert next(events).event.id == sent[1]
    with pytest.raises(Conflict) as refused:
        bus._transport.send(pull_of(inbox))
    assert refused.value.retry_after == 1
    found = [each.event.id for each in bus.inbox(inbox).receive(until_empty=True)]
    assert found == sent[1:]


def pull_of(inbox: str) -> Call:
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


def test_an_inbox_is_followed_over_a_websocket(fake: FakeBus, bus: EventBus) -> None:
    made = bus.subscriptions.create(event_types=["order.*"], target={"type": "websocket"})
    sent = [bus.publish("order.placed", {"n": n}).id for n in range(3)]
    inbox, found = bus.inbox(made["id"]), []
    with closing(inbox.follow()) as events:
        for received in events:
            found.append(received.event.id)
            if len(found) == 3:
                sent.append(bus.publish("order.placed", {}).id)
            if len(found) == 4:
                inbox.stop()
    assert found == sent
    # Everything is acknowledged, so the next consumer begins behind it.
    sent.append(bus.publish("order.placed", {}).id)
    with closing(bus.inbox(made["id"]).follow()) as events:
        assert next(events).event.id == sent[-1]
    with pytest.raises(NotFound):
        next(bus.inbox("none").follow())


def test_listeners_receive_published_events(fake: FakeBus, bus: EventBus) -> None:
    bus.publish("order.placed", {}, id="before")
    heard: list[str] = []
    listening = bus.listen("order.*", "user.created")

    def listen() -> None:
        for event in listening:
            heard.append(event.id)
            if event.id == "last":
                listening.stop()
                return

    thread = threading.Thread(target=listen)
    thread.start()
    fake.wait_for_listener()
    for event_type, event_id in (
        ("order.placed", "a"),
        ("user.removed", "b"),
        ("user.created", "c"),
        ("order.placed", "last"),
    ):
        bus.publish(event_type, {}, id=event_id)
    thread.join(10)
    assert heard == ["a", "c", "last"]


def test_iterators_for_asyncio_do_not_hold_up_other_tasks(fake: FakeBus) -> None:
    async def play() -> list[str]:
        bus = fake.async_client()
        made = await bus.subscriptions.create(event_types=["*"], target={"type": "websocket"})
        inbox, found = bus.inbox(made["id"]), []

        async def follow() -> None:
            async with aclosing(inbox.follow()) as events:
                async for received in events:
                    found.append(received.event.id)
                    if len(found) == 2:
                        inbox.stop()

        async def listen() -> None:
            async for event in bus.listen("*"):
                found.append(event.id)
                return

        tasks = [asyncio.create_task(each()) for each in (follow, listen)]
        await asyncio.to_thread(fake.wait_for_listener)
        for event_id in ("a", "b"):
            await bus.publish("order.placed", {}, id=event_id)
        await asyncio.wait_for(asyncio.gather(*tasks), 10)
        return found

    assert sorted(asyncio.run(play())) == ["a", "a", "b"]


def test_a_paused_subscription_keeps_what_it_matches(fake: FakeBus, bus: EventBus) -> None:
    receiver, seen = Receiver(SECRET), []
    receiver.on("*")(lambda event: seen.append(event.id))
    callback, inbox = fake.connect(receiver, "*"), pulled(bus, "*")
    for each in (callback, inbox):
        bus.subscriptions.update(each, status="paused")
    bus.publish("order.placed", {}, id="a")
    assert seen == []
    assert list(bus.inbox(inbox).receive(until_empty=True)) == []
    for each in (callback, inbox):
        bus.subscriptions.update(each, status="active")
    assert seen == ["a"]
    assert [each.event.id for each in bus.inbox(inbox).receive(until_empty=True)] == ["a"]
    bus.subscriptions.update(inbox, status="paused")
    bus.publish("order.placed", {}, id="b")
    bus.subscriptions.update(inbox, status="active", resume_from="now")
    assert list(bus.inbox(inbox).receive(until_empty=True)) == []


def test_a_subscription_catches_up_with_streams(bus: EventBus) -> None:
    events = [NewEvent(type="order.placed", id=f"e{n}", payload={}) for n in range(3)]
    bus.streams.append("order/1", events)
    bus.publish("order.placed", {}, id="none")
    follow = bus.subscriptions
    pull = {"type": "pull"}
    one = follow.follow_stream("order/1", source="shop", from_version=2, target=pull)
    every = follow.follow_category("order", source="shop", from_beginning=True, target=pull)
    new = follow.follow_category("order", source="shop", target=pull)
    bus.publish("order.placed", {}, id="e3", stream={"id": "order/2"})
    bus.publish("order.placed", {}, id="other", stream={"id": "orders/1"})

    def found(subscription: dict[str, Any]) -> list[str]:
        received = bus.inbox(subscription["id"]).receive(until_empty=True)
        return [each.event.id for each in received]

    assert found(one) == ["e1", "e2"]
    assert found(every) == ["e0", "e1", "e2", "e3"]
    assert found(new) == ["e3"]


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


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from("xy"), VALUES), PATTERNS)
def test_events_are_matched_as_by_the_bus(payload: dict[str, Any], pattern: Any) -> None:
    fake = FakeBus()
    bus, filters = fake.client(), {"order.*": pattern}
    inbox = pulled(bus, "order.placed", filters=filters)
    bus.publish("order.placed", payload)
    found = bus.inbox(inbox)._transport.send(pull_of(inbox))["items"]
    expected = SubscriptionFilter(["order.placed"], filters)
    assert bool(found) == expected.matches("order.placed", "test", payload, {})


def test_answers_have_the_members_of_the_api(fake: FakeBus) -> None:
    schemas = orjson.loads(DOCUMENT.read_bytes())["components"]["schemas"]

    bus = fake.client()
    shown = bus.call
    made = pulled(bus, "order.*")
    fake.connect(Receiver(SECRET), "command.*", service_id="bank")
    stream = {"stream_id": "order/1"}
    event = {"type": "order.placed", "payload": {}}
    for schema, found in (
        ("CreatedSubscription", bus.subscriptions.create(event_types=["a.*"], callback_url="x")),
        ("Appended", shown("POST", "/streams/events", body={**stream, "events": [event]})),
        (
            "AcceptedEvent",
            shown("POST", "/events", body={**event, "id": "e", "stream": {"id": "a"}}),
        ),
        ("Event", shown("GET", "/events/e")),
        ("FetchedEvents", shown("GET", f"/subscriptions/{made}/events")),
        ("StreamHead", shown("GET", "/streams/head", query=stream)),
        ("StreamState", shown("GET", "/streams/state", query=stream)),
        ("Command", shown("POST", "/commands", body={"type": "command.a", "payload": {}})),
    ):
        described = schemas[schema]
        assert found.keys() <= described["properties"].keys(), schema
        if schema not in ("CreatedSubscription", "Event"):
            assert found.keys() >= set(described["required"]), schema
