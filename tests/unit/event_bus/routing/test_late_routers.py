"""A router that stood still hides nothing that the router in its place has recorded."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from event_bus.model.event import Event
from event_bus.stores.routings import RoutingStore

from tests.aws import Aws
from tests.builders import event, message, routing, subscription
from tests.interference import before_next
from tests.unit.event_bus.delivery.lanes import LaneRun, run
from tests.unit.event_bus.delivery.ordered_streams import store
from tests.unit.event_bus.routing.routers import router_of

__all__ = ["run"]


def overtake(
    aws: Aws,
    executor: Executor,
    monkeypatch: pytest.MonkeyPatch,
    events: list[Event],
    change: Callable[[], object],
) -> list[str]:
    """Routes events by a router that stands still before it records them, and by another one.

    Returns:
        The subscriptions to which the two sent messages, with the events.
    """
    lane = aws.queue()
    late, other = (router_of(aws, executor, lane) for _ in range(2))

    def meanwhile() -> None:
        change()
        assert other.route(events) == []

    before_next(aws, monkeypatch, "put_item", meanwhile)
    assert late.route(events) == []
    return sorted(f"{each.event_id} {each.subscription_id}" for each in aws.sent_on(lane))


def test_a_late_record_takes_no_match_away(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = aws.subscriptions.create(subscription("sub_1", event_types=["order.*"]))
    gone = aws.subscriptions.create(subscription("sub_2"))
    aws.subscriptions.create(subscription("sub_3"))

    def change() -> None:
        aws.subscriptions.update(replace(narrow, event_types=["task.*"]))
        aws.subscriptions.delete(gone)

    sent = overtake(aws, executor, monkeypatch, [event()], change)
    assert sent == ["evt_1 sub_1", "evt_1 sub_2", "evt_1 sub_3", "evt_1 sub_3"]
    found, _ = aws.deliveries.of_event("evt_1")
    assert found
    # Whatever was sent is recorded.
    assert set(found.matched) == {"sub_1", "sub_2", "sub_3"}


def test_two_routers_that_add_matches_at_once_lose_none(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.routings.record([routing("evt_1", sub_1="worker")])

    def meanwhile() -> None:
        aws.routings.record([routing("evt_1", sub_2="worker")])

    before_next(aws, monkeypatch, "update_item", meanwhile)
    [standing] = aws.routings.record([routing("evt_1", sub_3="worker")]).standing
    assert set(standing.matched) == {"sub_1", "sub_2", "sub_3"}
    assert aws.routings.get_many(["evt_1"]) == {"evt_1": standing}


def test_events_of_one_batch_are_recorded_apart(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.subscriptions.create(subscription("sub_1"))
    lane = aws.queue()
    other = router_of(aws, executor, lane)
    before_next(aws, monkeypatch, "put_item", lambda: other.route([event("evt_1")]))
    assert router_of(aws, executor, lane).route([event("evt_1"), event("evt_2")]) == []
    found = aws.routings.get_many(["evt_1", "evt_2"])
    assert {each.event_id: set(each.matched) for each in found.values()} == {
        "evt_1": {"sub_1"},
        "evt_2": {"sub_1"},
    }


def test_an_ordered_subscription_receives_what_the_other_router_matched(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch, run: LaneRun
) -> None:
    made = aws.subscriptions.create(subscription("sub_1", ordered=True, event_types=["order.*"]))
    events = list(store(aws, "evt_1", routed=False))

    def change() -> None:
        aws.subscriptions.update(replace(made, event_types=["task.*"]))

    assert overtake(aws, executor, monkeypatch, events, change) == ["evt_1 sub_1"]
    current = aws.subscriptions.get("sub_1")
    assert current
    assert run.take(message(events[0], current)) == []
    assert run.target.events == ["evt_1"]


@pytest.mark.parametrize("resumed", [{}, {"skipped_pauses": 1}], ids=["backlog", "now"])
def test_a_late_router_releases_only_what_is_recorded_as_held(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch, resumed: dict[str, Any]
) -> None:
    paused = subscription(status="paused", paused_at=event().created_at, pauses=1)
    made = aws.subscriptions.create(paused)
    released: list[str] = []
    release = RoutingStore.release

    def noted(store: RoutingStore, routing: Any, names: list[str]) -> None:
        released.extend(names)
        release(store, routing, names)

    monkeypatch.setattr(RoutingStore, "release", noted)

    def change() -> None:
        aws.subscriptions.update(replace(made, status="active", paused_at=None, **resumed))

    # The other router sends the event after the resume, so no record says that it is held.
    assert overtake(aws, executor, monkeypatch, [event()], change) == ["evt_1 sub_1"]
    assert released == []
