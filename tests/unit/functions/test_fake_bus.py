"""The same programs on the bus in memory and on the functions of the bus, with the same results."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from event_bus_client import (
    CommandFailed,
    Conflict,
    EventBus,
    Forbidden,
    InvalidRequest,
    NewEvent,
    NotFound,
    Problem,
    RetryPolicy,
    VersionConflict,
)
from event_bus_client.testing import FakeBus

from tests.builders import publisher
from tests.client_transport import FunctionsTransport
from tests.contracts.expected_versions import EACH_EXPECTED_VERSION
from tests.handlers import Functions

URL = "https://handler.example/commands"
PAY = "command.pay"
Buses = Callable[[str], EventBus]


@pytest.fixture(params=["memory", "functions"])
def bus_of(request: pytest.FixtureRequest) -> Buses:
    """Makes the client of a service: `shop` publishes, others answer."""
    if request.param == "memory":
        return FakeBus(source="shop").client
    functions: Functions = request.getfixturevalue("functions")
    functions.aws.add_publishers(publisher("shop", "order.*", "command.*", "price.*"))
    transport = FunctionsTransport(functions)
    once = RetryPolicy(attempts=1)
    return lambda service_id: EventBus(
        "https://bus.example", service_id, transport=transport, retries=once
    )


def placed(event_id: str, **payload: Any) -> NewEvent:
    return NewEvent(type="order.placed", id=event_id, payload=payload)


def refusal(function: Callable[[], Any]) -> tuple[type[Problem], int, list[str]]:
    """How the bus refuses what a function does."""
    with pytest.raises(Problem) as refused:
        function()
    pointers = [each.pointer for each in refused.value.faults]
    return type(refused.value), refused.value.status, pointers


def test_a_stream_has_versions(bus_of: Buses) -> None:
    bus = bus_of("shop")
    first = bus.publish("order.placed", {"n": 1}, id="e1", stream={"id": "order/1"})
    assert first.stream == {"id": "order/1", "version": 1}
    appended = bus.streams.append("order/1", [placed("e2", n=2), placed("e3", n=3)])
    assert (appended.version, [each.id for each in appended.events]) == (3, ["e2", "e3"])
    bus.publish("order.placed", {}, id="other", stream={"id": "order/2"})
    read = list(bus.streams.read("order/1", limit=2))
    assert [(each.version, each.event.id) for each in read] == [(1, "e1"), (2, "e2"), (3, "e3")]
    assert read[2].event.metadata.stream_version == 3
    assert [each.version for each in bus.streams.read("order/1", backward=True)] == [3, 2, 1]
    some = bus.streams.read("order/1", from_version=2, to_version=2)
    assert [each.version for each in some] == [2]
    assert list(bus.streams.read("order/9")) == []
    head = bus.streams.head("order/1")
    assert (head["version"], head["category"], head["deleted_at"]) == (3, "order", None)
    assert [each["stream_id"] for each in bus.streams.list(prefix="order/")] == [
        "order/1",
        "order/2",
    ]
    assert list(bus.streams.list(category="orders")) == []
    assert refusal(lambda: bus.streams.head("order/9")) == (NotFound, 404, [])


@EACH_EXPECTED_VERSION
def test_an_expected_version_is_compared(
    bus_of: Buses, stored: int, expected: Any, fits: bool
) -> None:
    bus = bus_of("shop")
    if stored:
        bus.streams.append("order/1", [placed(f"e{n}") for n in range(stored)])

    def append() -> Any:
        return bus.streams.append("order/1", [placed("new")], expected_version=expected)

    def publish() -> Any:
        stream = {"id": "order/1"} | ({} if expected is None else {"expected_version": expected})
        return bus.publish("order.placed", {}, id="single", stream=stream)

    if fits:
        assert append().version == stored + 1
        return
    assert refusal(append) == (VersionConflict, 409, ["/expected_version"])
    assert refusal(publish) == (VersionConflict, 409, ["/stream/expected_version"])
    with pytest.raises(VersionConflict) as refused:
        append()
    assert refused.value.actual_version == stored
    assert len(list(bus.streams.read("order/1"))) == stored


def test_a_repeated_append_stores_nothing_twice(bus_of: Buses) -> None:
    bus = bus_of("shop")
    events = [placed("e1", n=1), placed("e2", n=2)]
    first = bus.streams.append("order/1", events, expected_version="none")
    bus.streams.append("order/1", [placed("e3")])
    assert bus.streams.append("order/1", events, expected_version="none") == first
    again = bus.publish("order.placed", {"n": 1}, id="e1", stream={"id": "order/1"})
    assert again == first.events[0]
    mixed = [placed("e2", n=2), placed("e4")]
    assert refusal(lambda: bus.streams.append("order/1", mixed)) == (
        Conflict,
        409,
        ["/events/0/id"],
    )
    changed = [placed("e5"), placed("e1", n=7)]
    assert refusal(lambda: bus.streams.append("order/1", changed)) == (
        Conflict,
        409,
        ["/events/1/id"],
    )
    assert [each.event.id for each in bus.streams.read("order/1")] == ["e1", "e2", "e3"]


@pytest.mark.parametrize(
    ("events", "pointers"),
    [
        ([], ["/events"]),
        ([placed("a"), NewEvent(type="order.", id="b", payload={})], ["/events/1/type"]),
        ([NewEvent(type="order.placed", payload={}, source="shop")], ["/events/0/source"]),
        (
            [NewEvent(type="order.placed", payload={}, stream={"id": "x"})],
            ["/events/0/stream"],
        ),
        ([placed("a"), placed("a")], ["/events/1/id"]),
        ([placed(f"e{n}") for n in range(51)], ["/events"]),
    ],
)
def test_events_that_cannot_be_appended_are_refused_together(
    bus_of: Buses, events: list[NewEvent], pointers: list[str]
) -> None:
    bus = bus_of("shop")
    kind, status, found = refusal(lambda: bus.streams.append("order/1", events))
    assert (kind, status) == (InvalidRequest, 422)
    assert found[-1:] == pointers
    assert list(bus.streams.read("order/1")) == []


def test_a_state_is_what_the_payloads_add_up_to(bus_of: Buses) -> None:
    bus = bus_of("shop")
    payloads: list[dict[str, Any]] = [
        {"a": 1, "b": {"c": 1, "d": 2}},
        {"b": {"d": None, "e": 3}},
        {"a": None},
    ]
    bus.streams.append("order/1", [placed(f"e{n}", **each) for n, each in enumerate(payloads)])
    whole, early = bus.streams.state("order/1"), bus.streams.state("order/1", at_version=1)
    assert (whole.version, whole.events, whole.complete) == (3, 3, True)
    assert whole.state == {"b": {"c": 1, "e": 3}}
    assert early.state == payloads[0]
    assert bus.streams.state("order/9").state == {}


def test_a_stream_is_truncated_and_deleted(bus_of: Buses) -> None:
    bus = bus_of("shop")
    bus.streams.append("order/1", [placed(f"e{n}") for n in range(3)])
    assert bus.streams.truncate("order/1", before=3)["truncate_before"] == 3
    assert [each.version for each in bus.streams.read("order/1")] == [3]
    assert refusal(lambda: bus.streams.truncate("order/1", before=9)) == (
        InvalidRequest,
        422,
        ["/truncate_before"],
    )
    bus.streams.delete("order/1")
    bus.streams.delete("order/1")
    assert list(bus.streams.read("order/1")) == []
    assert refusal(lambda: bus.streams.append("order/1", [placed("e9")])) == (
        Conflict,
        409,
        ["/stream_id"],
    )
    assert refusal(lambda: bus.streams.delete("order/9")) == (NotFound, 404, [])


def handler(bus_of: Buses, service_id: str = "bank", *types: str) -> str:
    made = bus_of(service_id).subscriptions.put(
        f"{service_id}.commands", event_types=types or [PAY], handles=True, callback_url=URL
    )
    return str(made["id"])


def test_a_command_is_answered_by_its_handler(bus_of: Buses) -> None:
    shop, bank = bus_of("shop"), bus_of("bank")
    handler(bus_of)
    sent = shop.commands.send(PAY, {"total": 250}, id="c1", metadata={"correlation_id": "cart"})
    assert (sent.id, sent.state, sent.reply) == ("c1", "accepted", None)
    found = shop.commands.get("c1")
    assert found.handler == {"subscription_id": "bank.commands", "service_id": "bank"}
    replied = bank.commands.reply("c1", {"paid": True})
    assert bank.commands.reply("c1", {"paid": True}) == replied
    assert refusal(lambda: bank.commands.reply("c1", {"paid": False})) == (Conflict, 409, [])
    ended = shop.commands.get("c1")
    assert (ended.state, ended.error) == ("succeeded", None)
    assert ended.reply
    assert (ended.reply.id, ended.reply.type) == (replied["id"], "shop.commands.responses")
    assert (ended.reply.source, ended.reply.payload) == ("bank", {"paid": True})
    metadata = ended.reply.metadata
    assert (metadata.correlation_id, metadata.causation_id) == ("cart", "c1")
    assert (metadata.reply_for, metadata.reply_status) == ("shop", "succeeded")
    again = shop.commands.send(PAY, {"total": 250}, id="c1", metadata={"correlation_id": "cart"})
    assert again.state == "succeeded"
    assert refusal(lambda: shop.commands.cancel("c1")) == (Conflict, 409, [])


def test_a_command_fails_by_its_reply(bus_of: Buses) -> None:
    shop, bank = bus_of("shop"), bus_of("bank")
    handler(bus_of)
    shop.commands.send(PAY, {}, id="c1", metadata={"reply_to": "shop.paid"})
    bank.commands.reply("c1", error="No money")
    ended = shop.commands.get("c1")
    assert (ended.state, ended.error) == ("failed", {"type": "about:blank", "title": "No money"})
    assert ended.reply
    assert ended.reply.type == "shop.paid"


def test_only_who_may_answers_and_cancels(bus_of: Buses) -> None:
    shop, stranger = bus_of("shop"), bus_of("stranger")
    handler(bus_of)
    shop.commands.send(PAY, {}, id="c1")
    assert refusal(lambda: stranger.commands.get("c1")) == (NotFound, 404, [])
    assert refusal(lambda: stranger.commands.reply("c1", {})) == (NotFound, 404, [])
    assert refusal(lambda: stranger.commands.cancel("c1")) == (NotFound, 404, [])
    stranger.subscriptions.create(event_types=["command.*"], callback_url=URL)
    assert stranger.commands.get("c1").id == "c1"
    assert refusal(lambda: stranger.commands.reply("c1", {}))[:2] == (Forbidden, 403)
    assert refusal(lambda: stranger.commands.cancel("c1"))[:2] == (Forbidden, 403)
    assert refusal(lambda: shop.commands.get("none"))[:2] == (NotFound, 404)
    shop.publish("order.placed", {}, id="e1")
    assert refusal(lambda: shop.commands.get("e1"))[:2] == (NotFound, 404)
    assert shop.commands.cancel("c1").state == "cancelled"
    assert shop.commands.cancel("c1").error["type"].endswith(":command-cancelled")
    assert refusal(lambda: bus_of("bank").commands.reply("c1", {})) == (Conflict, 409, [])
    late = shop.commands.get("c1").late_replies
    assert [each["service_id"] for each in late] == ["bank"]


def test_a_command_needs_a_handler_where_one_is_required(bus_of: Buses) -> None:
    shop = bus_of("shop")
    with pytest.raises(Conflict) as refused:
        shop.commands.send(PAY, {}, id="c1")
    assert [each.pointer for each in refused.value.faults] == ["/type"]
    assert refusal(lambda: shop.events.get("c1")) == (NotFound, 404, [])
    assert shop.commands.send(PAY, {}, id="c1", require_handler=False).state == "accepted"
    handler(bus_of)
    # A handler that comes later does not receive it.
    assert shop.commands.get("c1").handler is None
    assert refusal(lambda: bus_of("bank").commands.reply("c1", {}))[:2] == (Forbidden, 403)


def test_a_command_expires(bus_of: Buses) -> None:
    shop = bus_of("shop")
    handler(bus_of)
    soon = datetime.now(UTC) + timedelta(seconds=0.05)
    metadata = {"deadline": soon.isoformat(timespec="milliseconds")}
    shop.commands.send(PAY, {}, id="c1", metadata=metadata)
    time.sleep(0.1)
    ended = shop.commands.get("c1")
    assert (ended.state, ended.error["status"]) == ("expired", 504)
    assert "0 of 1 replies" in ended.error["detail"]
    assert refusal(lambda: bus_of("bank").commands.reply("c1", {})) == (Conflict, 409, [])
    with pytest.raises(CommandFailed, match="expired"):
        shop.commands.request(PAY, {}, timeout=0)


def test_a_request_collects_replies(bus_of: Buses) -> None:
    shop = bus_of("shop")
    for name in ("one", "two", "three"):
        bus_of(name).subscriptions.create(event_types=["price.*"], callback_url=URL)
    metadata = {"expect_replies": 2, "deadline": "2040-01-01T00:00:00Z"}
    asked = shop.commands.send("price.asked", {}, id="r1", metadata=metadata)
    assert asked.state == "accepted"
    bus_of("one").commands.reply("r1", {"price": 1})
    assert shop.commands.get("r1").state == "accepted"
    bus_of("two").commands.reply("r1", error="Sold out")
    ended = shop.commands.get("r1")
    assert ended.state == "failed"
    shown = [(each["service_id"], each["status"]) for each in ended.replies]
    assert shown == [("one", "succeeded"), ("two", "failed")]
    assert ended.reply
    assert ended.reply.payload == {"price": 1}
    assert refusal(lambda: bus_of("three").commands.reply("r1", {})) == (Conflict, 409, [])
    assert refusal(lambda: shop.commands.reply("r1", {}))[:2] == (Forbidden, 403)


@pytest.mark.parametrize(
    ("event_type", "metadata", "pointer"),
    [
        ("order.placed", {}, ""),
        (PAY, {"deadline": "soon"}, "/metadata/deadline"),
        (PAY, {"deadline": "2040-01-01T00:00:00"}, "/metadata/deadline"),
        (PAY, {"expect_replies": 2}, "/metadata/expect_replies"),
        ("price.asked", {"expect_replies": 2}, "/metadata/deadline"),
        ("price.asked", {"expect_replies": 0}, "/metadata/expect_replies"),
        ("price.asked", {"expect_replies": 51}, "/metadata/expect_replies"),
    ],
)
def test_an_invalid_command_is_refused(
    bus_of: Buses, event_type: str, metadata: dict[str, Any], pointer: str
) -> None:
    commands = bus_of("shop").commands
    found = refusal(lambda: commands.send(event_type, {}, require_handler=False, metadata=metadata))
    assert found == (InvalidRequest, 422, [pointer])


def test_a_type_has_one_handler(bus_of: Buses) -> None:
    handler(bus_of, "bank", PAY, "command.refund")
    handler(bus_of, "bank", "command.refund", PAY)
    assert refusal(lambda: handler(bus_of, "rival", "command.a", "command.refund")) == (
        Conflict,
        409,
        ["/event_types/1"],
    )
    bus_of("bank").subscriptions.delete("bank.commands")
    assert handler(bus_of, "rival") == "rival.commands"


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"event_types": ["command.*"]}, "/event_types/0"),
        ({"event_types": [PAY, "order.placed"]}, "/event_types/1"),
        ({"event_types": [PAY], "filters": {PAY: {"a": [1]}}}, "/filters"),
        ({"event_types": [f"command.a{n}" for n in range(26)]}, "/event_types"),
    ],
)
def test_a_subscription_that_cannot_handle_commands_is_refused(
    bus_of: Buses, members: dict[str, Any], pointer: str
) -> None:
    bank = bus_of("bank").subscriptions
    found = refusal(lambda: bank.create(handles=True, callback_url=URL, **members))
    assert found == (InvalidRequest, 422, [pointer])
