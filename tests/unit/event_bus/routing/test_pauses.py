"""What matches a paused subscription is recorded and not sent; the resume decides who sends it."""

from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from event_bus.model.delivery import Routing
from event_bus.model.event import Event
from event_bus.model.subscription import Subscription
from event_bus.queues.lanes import Lanes
from event_bus.routing.registry_view import RegistryView
from event_bus.routing.router import Router
from event_bus.stores.routings import RecordedRoutings, RoutingStore

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import event, subscription

PAUSED_AT = "2026-05-01T12:00:00.000Z"
BEFORE, AFTER = "2026-05-01T11:59:59.999Z", PAUSED_AT


class Bus:
    """A router over one lane, and a subscription that is paused."""

    def __init__(self, aws: Aws, executor: Executor) -> None:
        self.aws, self.lane = aws, aws.queue()
        self.router = Router(
            view=aws.view(RegistryView),
            events=aws.events,
            routings=aws.routings,
            deliveries=aws.deliveries,
            dead_letters=aws.dead_letters,
            lanes=Lanes(aws.sqs, {"http": self.lane}, executor),
            executor=executor,
        )
        self.subscription = aws.subscriptions.create(
            subscription(status="paused", paused_at=PAUSED_AT, pauses=2)
        )

    def change(self, **members: Any) -> None:
        self.subscription = self.aws.subscriptions.update(replace(self.subscription, **members))

    def sent(self) -> list[str]:
        return [each.event_id for each in self.aws.sent_on(self.lane)]

    def routing(self, event_id: str = "evt_1") -> Routing:
        routing, _ = self.aws.deliveries.of_event(event_id)
        assert routing
        return routing


def stored(at: str) -> Event:
    """An event that was stored at a time."""
    return replace(event(), created_at=at)


@pytest.fixture
def bus(aws: Aws, executor: Executor) -> Bus:
    return Bus(aws, executor)


def test_an_event_of_the_pause_is_held_and_costs_no_message(bus: Bus) -> None:
    assert bus.router.route([stored(AFTER)]) == []
    assert bus.sent() == []
    assert (bus.routing().matched, bus.routing().held) == ({"sub_1": "worker"}, {"sub_1": 2})


def test_an_event_from_before_the_pause_is_sent_however_late_it_is_routed(bus: Bus) -> None:
    assert bus.router.route([stored(BEFORE)]) == []
    assert bus.sent() == ["evt_1"]
    assert bus.routing().held == {}


def resume_while_recording(bus: Bus, monkeypatch: pytest.MonkeyPatch, **members: Any) -> None:
    record = RoutingStore.record

    def resumed(
        store: RoutingStore, routings: list[Routing], executor: Executor
    ) -> RecordedRoutings:
        recorded = record(store, routings, executor)
        if bus.subscription.status == "paused":
            bus.change(status="active", paused_at=None, **members)
        return recorded

    monkeypatch.setattr(RoutingStore, "record", resumed)


def test_the_router_sends_what_was_held_when_the_resume_came_first(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The replay of the backlog may have read the record before it was written."""
    resume_while_recording(bus, monkeypatch)
    assert bus.router.route([stored(AFTER)]) == []
    assert bus.sent() == ["evt_1"]
    assert bus.routing().held == {}


def test_the_router_sends_nothing_if_the_subscription_resumes_from_now(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    resume_while_recording(bus, monkeypatch, skipped_pauses=2)
    assert bus.router.route([stored(AFTER)]) == []
    assert bus.sent() == []
    assert bus.routing().held == {"sub_1": 2}


def test_an_event_that_was_set_aside_is_released_as_well(bus: Bus) -> None:
    held = stored(AFTER)
    bus.aws.events.put(held, RETENTION_DAYS)
    bus.router.route([held])
    assert bus.router.route_again([held]) == []
    assert bus.sent() == []
    bus.change(status="active", paused_at=None)
    assert bus.router.route_again([held]) == []
    assert bus.sent() == ["evt_1"]


@pytest.mark.parametrize(
    ("members", "owed"),
    [
        ({"status": "paused", "paused_at": PAUSED_AT}, False),
        ({"status": "active"}, True),
        ({"status": "active", "skipped_pauses": 2}, False),
        ({"status": "paused", "paused_at": PAUSED_AT, "pauses": 3}, True),
        ({"status": "paused", "paused_at": PAUSED_AT, "pauses": 3, "skipped_pauses": 2}, False),
    ],
)
def test_events_held_by_a_pause_are_owed_after_that_pause(
    aws: Aws, members: dict[str, Any], owed: bool
) -> None:
    made: Subscription = subscription(**{"pauses": 2, **members})
    aws.subscriptions.create(made)
    [rule] = aws.view(RegistryView).store.routing_rules()
    assert rule.owes(2) is owed
