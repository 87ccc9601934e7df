"""Events are routed to the subscriptions that they match, and recorded only after that."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import orjson
import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus import times
from event_bus.matching.event_view import EventView
from event_bus.matching.limits import MAX_ELEMENTS
from event_bus.model.event import INLINE_PAYLOAD_BYTES, MAX_HOPS, Event
from event_bus.model.routing_rule import RoutingRule
from event_bus.model.subscription import Subscription
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message
from event_bus.routing.registry_view import RegistryView
from event_bus.routing.router import Router

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LARGE_PAYLOAD, binary_event, event, routing, subscription
from tests.faults import not_sent
from tests.unit.event_bus.routing.routers import router_of


@dataclass(frozen=True)
class Routed:
    """A router, and the queue of its lane."""

    aws: Aws
    router: Router
    lane: str

    def subscribe(self, name: str, **members: Any) -> Subscription:
        return self.aws.subscriptions.create(subscription(name, **members))

    def sent(self) -> list[Message]:
        return sorted(
            self.aws.sent_on(self.lane), key=lambda each: (each.event_id, each.subscription_id)
        )

    def matched(self, event_id: str = "evt_1") -> dict[str, str] | None:
        routing, _ = self.aws.deliveries.of_event(event_id)
        return routing.matched if routing else None


@pytest.fixture
def bus(aws: Aws, executor: Executor) -> Routed:
    lane = aws.queue()
    return Routed(aws, router_of(aws, executor, lane), lane)


def test_a_message_is_sent_for_each_match(bus: Routed) -> None:
    first = bus.subscribe("sub_1", service_id="a")
    second = bus.subscribe("sub_2", service_id="b", filters={"*": {"n": [1]}})
    bus.subscribe("sub_3", filters={"*": {"n": [2]}})
    sent = event(payload={"n": 1})
    assert bus.router.route([sent]) == []
    assert bus.sent() == [
        Message("evt_1", "sub_1", "a", first.version, sent),
        Message("evt_1", "sub_2", "b", second.version, sent),
    ]
    assert bus.matched() == {"sub_1": "a", "sub_2": "b"}


def test_an_event_without_a_match_is_routed_too(bus: Routed) -> None:
    assert bus.router.route([event()]) == []
    assert bus.sent() == []
    assert bus.matched() == {}


def test_the_record_says_that_a_schema_refuses_the_payload(bus: Routed) -> None:
    invalid = replace(event("evt_1"), schema_version=1, schema_valid=False)
    unchecked = replace(event("evt_2"), schema_version=1)
    assert bus.router.route([invalid, unchecked]) == []
    routings = bus.aws.routings.get_many(["evt_1", "evt_2"])
    assert {each: found.schema_invalid for each, found in routings.items()} == {
        "evt_1": True,
        "evt_2": False,
    }


def test_no_events_are_nothing_to_do(bus: Routed) -> None:
    assert bus.router.route([]) == []


def test_a_large_payload_is_matched_and_sent_by_reference(bus: Routed) -> None:
    bus.subscribe("sub_1", filters={"*": {"text": [{"prefix": "xxx"}]}})
    bus.subscribe("sub_2", filters={"*": {"text": [{"prefix": "y"}]}})
    large = event(payload=LARGE_PAYLOAD)
    bus.aws.events.put(large, RETENTION_DAYS)
    assert bus.router.route([replace(large, payload=None)]) == []
    assert [(each.subscription_id, each.event) for each in bus.sent()] == [("sub_1", None)]


def test_a_match_whose_message_was_not_sent_is_not_recorded(bus: Routed) -> None:
    bus.subscribe("sub_1")
    with not_sent(bus.aws.sqs, "SendMessageBatch"), pytest.raises(ConnectionClosedError):
        bus.router.route([event()])
    assert bus.matched() is None
    bus.router.route([event()])
    assert len(bus.sent()) == 1
    assert bus.matched() == {"sub_1": "worker"}


def test_a_match_that_was_not_recorded_is_sent_again(bus: Routed) -> None:
    bus.subscribe("sub_1")
    with not_sent(bus.aws.dynamodb, "PutItem"), pytest.raises(ConnectionClosedError):
        bus.router.route([event()])
    first = bus.sent()
    assert len(first) == 1
    assert bus.matched() is None
    bus.router.route([event()])
    assert [(each.event_id, each.subscription_id) for each in bus.sent()] == [
        ("evt_1", "sub_1"),
    ]
    assert bus.matched() == {"sub_1": "worker"}


def test_without_the_registry_nothing_is_routed(bus: Routed) -> None:
    with not_sent(bus.aws.dynamodb, "Query"), pytest.raises(ConnectionClosedError):
        bus.router.route([event()])
    assert bus.matched() is None


def test_a_subscription_counts_from_its_answer_on(bus: Routed) -> None:
    bus.router.route([event("evt_1")])
    made = bus.subscribe("sub_1")
    bus.router.route([event("evt_2")])
    bus.aws.subscriptions.delete(made)
    bus.router.route([event("evt_3")])
    assert [each.event_id for each in bus.sent()] == ["evt_2"]


def test_an_event_that_is_routed_late_does_not_reach_those_who_came_after_it(bus: Routed) -> None:
    stored = replace(event(), created_at="2026-05-01T12:00:00.000Z")
    bus.subscribe("sub_1", created_at="2026-05-01T12:00:02.000Z")
    bus.subscribe("sub_2", created_at="2026-05-01T12:00:02.001Z")
    bus.router.route([stored])
    assert bus.matched() == {"sub_1": "worker"}
    assert [each.subscription_id for each in bus.sent()] == ["sub_1"]


@pytest.mark.parametrize(
    "poison",
    [
        replace(event("evt_2", payload=LARGE_PAYLOAD), payload=None),
        replace(event("evt_2"), payload=b"{"),
        replace(event("evt_2"), payload=b"[1]"),
    ],
    ids=["missing", "broken", "no object"],
)
def test_an_event_that_cannot_be_read_is_set_aside(bus: Routed, poison: Event) -> None:
    bus.subscribe("sub_1")
    assert bus.router.route([event("evt_1"), poison, event("evt_3")]) == ["evt_2"]
    assert [each.event_id for each in bus.sent()] == ["evt_1", "evt_3"]
    assert bus.matched("evt_2") is None
    assert bus.matched("evt_3") == {"sub_1": "worker"}


class PickyView(RegistryView):
    """Cannot match one event."""

    __slots__ = ()

    def matches(self, event: Event, seen: EventView) -> list[RoutingRule]:
        if event.type == "task.odd":
            raise RecursionError
        return RegistryView.matches(self, event, seen)


def test_an_event_that_cannot_be_matched_is_set_aside(bus: Routed) -> None:
    bus.subscribe("sub_1")
    router = replace(bus.router, view=bus.aws.view(PickyView))
    events = [event("evt_1"), event("evt_2", "task.odd"), event("evt_3")]
    assert router.route(events) == ["evt_2"]
    assert [each.event_id for each in bus.sent()] == ["evt_1", "evt_3"]
    assert bus.matched("evt_2") is None


@pytest.mark.parametrize(("beyond", "limited"), [(0, False), (1, True)])
def test_the_record_says_when_an_event_was_matched_in_part(
    bus: Routed, beyond: int, limited: bool
) -> None:
    bus.subscribe("sub_1", filters={"*": {"n": [{"exists": True}]}})
    bus.router.route([event(payload={"n": [0] * (MAX_ELEMENTS + beyond)})])
    assert bus.matched() == {"sub_1": "worker"}
    routing, _ = bus.aws.deliveries.of_event("evt_1")
    assert routing is not None
    assert routing.limited is limited


def test_a_message_holds_the_event_as_it_was_stored(bus: Routed) -> None:
    bus.subscribe("sub_1")
    sent = event(payload={"f": 1.0, "u": "ü😀", "n": None}, metadata={"trace_id": "t"})
    bus.router.route([sent])
    [message] = bus.sent()
    assert message.event == sent
    assert orjson.loads(message.to_json())["event"]["payload"] == {"f": 1.0, "u": "ü😀", "n": None}


class FussyLanes(Lanes):
    """Lanes that refuse the messages of some events."""

    __slots__ = ()
    refused: ClassVar[set[str]] = set()

    def send(self, messages: Sequence[Message]) -> list[Message]:
        bad = [each for each in messages if each.event_id in self.refused]
        assert Lanes.send(self, [each for each in messages if each not in bad]) == []
        return bad


@pytest.fixture
def fussy(bus: Routed) -> Router:
    """A router whose lanes refuse the messages of `evt_2`."""
    lanes = bus.router.lanes
    FussyLanes.refused = {"evt_2"}
    return replace(bus.router, lanes=FussyLanes(lanes.client, lanes.urls, lanes.executor))


def test_a_refused_message_becomes_a_dead_letter_and_delays_no_other(
    bus: Routed, fussy: Router
) -> None:
    bus.subscribe("sub_1", service_id="a")
    assert fussy.route([event(f"evt_{number}") for number in (1, 2, 3)]) == ["evt_2"]
    assert [each.event_id for each in bus.sent()] == ["evt_1", "evt_3"]
    assert bus.matched("evt_2") == {"sub_1": "a"}
    _, [delivery] = bus.aws.deliveries.of_event("evt_2")
    assert (delivery.status, delivery.attempts, delivery.service_id) == ("exhausted", 0, "a")
    assert delivery.last_error
    assert delivery.last_error.code == "message_refused"
    assert delivery.dead_letter_id
    assert delivery.event_type == event().type


def test_only_messages_that_sqs_refused_are_sent_again(bus: Routed, fussy: Router) -> None:
    bus.subscribe("sub_1")
    events = [event("evt_1"), event("evt_2")]
    fussy.route(events)
    # Reads that need not be consistent do not know of it yet.
    bus.aws.dynamodb.age = lambda: 5.0  # type: ignore[attr-defined]
    [dead] = bus.aws.deliveries.of_event("evt_2")[1]
    # In vain at first: the dead letter stays the same one.
    assert fussy.route_again(events) == ["evt_2"]
    [again] = bus.aws.deliveries.of_event("evt_2")[1]
    assert (again.status, again.dead_letter_id) == ("exhausted", dead.dead_letter_id)
    assert [each.event_id for each in bus.sent()] == ["evt_1"]
    FussyLanes.refused = set()
    assert fussy.route_again([*events, event("evt_3")]) == []
    assert [each.event_id for each in bus.sent()] == ["evt_2", "evt_3"]
    assert bus.matched("evt_3") == {"sub_1": "worker"}


def test_the_routing_record_of_a_former_event_does_not_count(bus: Routed, fussy: Router) -> None:
    bus.subscribe("sub_1")
    present = event("evt_1")
    before = times.at(times.seconds(present.created_at) - 90_000)
    bus.aws.routings.record([replace(routing("evt_1", sub_9="other"), routed_at=before)])
    assert fussy.route_again([present]) == []
    assert [each.event_id for each in bus.sent()] == ["evt_1"]
    assert bus.matched("evt_1") == {"sub_1": "worker"}


def test_routing_again_ends_no_retry_of_a_person(bus: Routed, fussy: Router) -> None:
    bus.subscribe("sub_1")
    events = [event("evt_1", metadata={"hop_count": MAX_HOPS + 1}), event("evt_2")]
    fussy.route(events)
    reopened = []
    for each in events:
        _, [dead] = bus.aws.deliveries.of_event(each.id)
        reopened.append(bus.aws.retried(dead))
    fussy.route(events)
    assert [bus.aws.deliveries.of_event(each.id)[1] for each in events] == [
        [each] for each in reopened
    ]


@pytest.mark.moto
def test_a_routing_record_that_is_refused_fails_alone(bus: Routed, executor: Executor) -> None:
    bus.subscribe("sub_1")
    # DynamoDB refuses an item beyond 400 KB, and with it the whole batch.
    router = replace(bus.router, lanes=NoLanes(bus.aws.sqs, {}, executor))
    events = [event("evt_1"), replace(event("evt_2"), type=f"task.{'x' * 420_000}"), event("evt_3")]
    assert router.route(events) == ["evt_2"]
    assert bus.matched("evt_1") == bus.matched("evt_3") == {"sub_1": "worker"}
    assert bus.matched("evt_2") is None


@pytest.mark.moto
def test_an_event_for_more_subscriptions_than_an_item_names_is_routed(
    bus: Routed, executor: Executor
) -> None:
    bus.subscribe("sub_1")
    view = bus.aws.view(WideView)
    router = replace(bus.router, view=view, lanes=NoLanes(bus.aws.sqs, {}, executor))
    assert router.route([event("evt_1"), event("evt_2", "task.wide")]) == []
    assert bus.matched("evt_1") == {"sub_1": "worker"}
    assert bus.matched("evt_2") == {f"sub_{number:026}": "worker" for number in range(12_000)}


class WideView(RegistryView):
    """Matches one event with more subscriptions than one item can name."""

    __slots__ = ()

    def matches(self, event: Event, seen: EventView) -> list[RoutingRule]:
        found = RegistryView.matches(self, event, seen)
        if event.type != "task.wide":
            return found
        return [replace(found[0], id=f"sub_{number:026}") for number in range(12_000)]


class NoLanes(Lanes):
    """Lanes that take everything, and keep nothing."""

    __slots__ = ()

    def send(self, _: Sequence[Message]) -> list[Message]:
        return []


def test_a_chain_whose_hops_are_hidden_ends_as_any_other(bus: Routed) -> None:
    bus.subscribe("sub_1")
    hidden = replace(event(metadata={"hop_count": 1}), hidden_hops=MAX_HOPS + 1)
    bus.router.route([hidden, replace(hidden, id="evt_2", hidden_hops=MAX_HOPS)])
    assert [each.event_id for each in bus.sent()] == ["evt_2"]


def test_a_command_is_not_sent_after_its_deadline(bus: Routed) -> None:
    bus.subscribe("sub_1", event_types=["command.make"])
    deadline = times.at(times.unix() - 1)
    late = event("evt_1", "command.make", metadata={"deadline": deadline})
    later = event("evt_2", "command.make", metadata={"deadline": times.at(times.unix() + 900)})
    assert bus.router.route([late, later]) == []
    assert [each.event_id for each in bus.sent()] == ["evt_2"]
    _, [ended] = bus.aws.deliveries.of_event("evt_1")
    assert ended.status == "dropped"
    assert ended.last_error
    assert ended.last_error.code == "command_expired"


def test_a_payload_that_is_not_json_is_matched_by_metadata_without_being_read(
    bus: Routed,
) -> None:
    bus.subscribe("sub_1", filters={"*": {"metadata": {"kind": ["image"]}}})
    bus.subscribe("sub_2", filters={"*": {"total": [{"exists": True}]}})
    large = binary_event(b"x" * INLINE_PAYLOAD_BYTES, metadata={"kind": "image"})
    # Nothing is in the bucket: a read would fail.
    assert bus.router.route([replace(large, payload=None)]) == []
    assert bus.matched() == {"sub_1": "worker"}
