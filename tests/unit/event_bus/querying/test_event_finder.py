"""Events are found by the fewest partitions, within a budget, for those who may see them."""

import random
from concurrent.futures import Executor
from dataclasses import replace

import pytest
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.errors import NotFound
from event_bus.matching.event_types import matches_type
from event_bus.model.event import Event
from event_bus.querying import event_finder
from event_bus.querying.event_finder import EventFinder
from event_bus.querying.event_query import EventQuery
from event_bus.stores import event_lists, listings
from event_bus.stores.listings import EventSelector, Listing, domain_of, with_any

from tests.builders import (
    AN_ADMIN,
    BESIDE_PLANNER,
    NOON,
    delivery,
    event,
    routing,
    service,
    subscription,
)
from tests.unit.event_bus.querying.memory import finder


def many(count: int, event_type: str = "task.created") -> list[Event]:
    return [
        event(f"evt_{number:03}", event_type, timestamp=f"2026-05-01T12:00:00.{number:03}Z")
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("query", "caller", "read"),
    [
        (EventQuery(), AN_ADMIN, listings.all_events()),
        (EventQuery(type="task.*"), AN_ADMIN, with_any(EventSelector(domain="task"))),
        (EventQuery(type="*.created"), AN_ADMIN, listings.all_events()),
        (EventQuery(source="x"), AN_ADMIN, with_any(EventSelector(source="x"))),
        (EventQuery(source="x", type="task.*"), AN_ADMIN, with_any(EventSelector("x", "task"))),
        (EventQuery(source="x", trace_id="t"), AN_ADMIN, listings.of_trace("t")),
        (EventQuery(trace_id="t", correlation_id="c"), AN_ADMIN, listings.of_correlation("c")),
        (
            EventQuery(),
            service("nobody"),
            with_any(EventSelector(source="nobody"), EventSelector(domain="nobody")),
        ),
        (
            EventQuery(),
            service("worker"),
            with_any(
                EventSelector(source="worker"),
                EventSelector(domain="role"),
                EventSelector(domain="task"),
                EventSelector(domain="worker"),
            ),
        ),
        (EventQuery(), service("watcher"), listings.all_events()),
        (EventQuery(type="task.*"), service("watcher"), with_any(EventSelector(domain="task"))),
    ],
)
def test_the_list_with_the_least_beside_is_read(
    executor: Executor, query: EventQuery, caller: Caller, read: Listing
) -> None:
    through, store = finder(
        executor,
        [],
        subscriptions=[
            subscription("sub_1", "worker", ["task.*", "role.made"]),
            subscription("sub_2", "worker", ["task.closed"]),
            subscription("sub_3", "worker", ["role.*"], status="disabled"),
            subscription("sub_4", "watcher", ["task.*", "*.made"]),
        ],
    )
    through.page(query, None, caller)
    assert store.listings == [read]


def test_a_full_page_at_the_end_has_no_cursor(executor: Executor) -> None:
    through, _ = finder(executor, many(4))
    first = through.page(EventQuery(limit=2), None, AN_ADMIN)
    assert [each.event.id for each in first.found] == ["evt_003", "evt_002"]
    second = through.page(EventQuery(limit=2), first.position, AN_ADMIN)
    assert [each.event.id for each in second.found] == ["evt_001", "evt_000"]
    assert second.position is None


def test_a_request_that_finds_nothing_ends_with_a_cursor(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_finder, "READ_BUDGET", 20)
    through, store = finder(executor, many(300))
    page = through.page(EventQuery(limit=9), None, service("stranger"))
    assert (page.found, page.position) == ([], None)
    query = EventQuery(source="planner", limit=9)
    page = through.page(query, None, service("stranger"))
    assert page.found == []
    assert page.position is not None
    read = 300 - int(page.position.rpartition("_")[2])
    assert 20 <= read < 20 + query.limit
    assert sum(store.looked_at) < 150


def test_a_request_that_looks_at_much_for_nothing_ends_with_a_cursor(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_lists, "LOOK_BUDGET", 20)
    through, _ = finder(executor, many(100))
    query, behind, requests = EventQuery(source=BESIDE_PLANNER, limit=4), None, 0
    while requests == 0 or behind:
        page = through.page(query, behind, AN_ADMIN)
        assert page.found == []
        behind, requests = page.position, requests + 1
    assert 1 < requests < 20


def test_lists_leave_out_events_that_the_caller_may_not_see(executor: Executor) -> None:
    events = [event("evt_1", source="planner"), event("evt_2", source="other")]
    through, _ = finder(executor, events)
    found = through.page(EventQuery(type="task.*"), None, service("planner")).found
    assert [each.event.id for each in found] == ["evt_1"]


@pytest.mark.parametrize(("processed", "ids"), [(True, ["evt_1"]), (False, ["evt_2"])])
def test_routed_events_can_be_told_from_others(
    executor: Executor, processed: bool, ids: list[str]
) -> None:
    through, _ = finder(executor, [event("evt_1"), event("evt_2")], [routing("evt_1")])
    found = through.page(EventQuery(processed=processed), None, AN_ADMIN).found
    assert [each.event.id for each in found] == ids


def test_one_event_is_shown_with_its_routing(executor: Executor) -> None:
    routed = routing("evt_1", sub_1="worker")
    through, _ = finder(executor, [event("evt_1")], [routed])
    assert through.get("evt_1", service("worker")).routing == routed


def test_the_delivery_of_a_former_event_with_its_id_is_not_shown(executor: Executor) -> None:
    present = event("evt_1")
    before = times.at(times.seconds(present.created_at) - 90_000)
    through, _ = finder(
        executor,
        [present],
        [routing("evt_1", sub_1="worker", sub_2="worker")],
        made=[
            delivery(stored_at=before),
            delivery(subscription_id="sub_2", stored_at=present.created_at),
        ],
    )
    found = through.get("evt_1", AN_ADMIN)
    assert found.routing
    shown = {each.key.subscription_id: each.status for each in found.all_deliveries()}
    assert shown == {"sub_1": "pending", "sub_2": "delivered"}
    assert through.get_many(["evt_1"], AN_ADMIN) == [found]


def test_the_routing_of_a_former_event_with_its_id_does_not_count(executor: Executor) -> None:
    present = event("evt_1", "secret.event")
    before = times.at(times.seconds(present.created_at) - 90_000)
    former = replace(routing("evt_1", sub_1="worker"), routed_at=before)
    through, _ = finder(executor, [present], [former])
    assert through.get("evt_1", AN_ADMIN).routing is None
    assert through.visible(["evt_1"], AN_ADMIN)["evt_1"].routing is None
    with pytest.raises(NotFound):
        through.get("evt_1", service("worker"))


@pytest.mark.parametrize(
    ("caller", "seen"),
    [
        (service("worker"), {"sub_1": "worker", "sub_2": "worker"}),
        (service("watcher"), {"sub_3": "watcher"}),
        (service("planner"), {"sub_1": "worker", "sub_2": "worker", "sub_3": "watcher"}),
        (AN_ADMIN, {"sub_1": "worker", "sub_2": "worker", "sub_3": "watcher"}),
    ],
)
def test_only_publishers_and_admins_learn_who_else_receives_an_event(
    executor: Executor, caller: Caller, seen: dict[str, str]
) -> None:
    matched = {"sub_1": "worker", "sub_2": "worker", "sub_3": "watcher"}
    held = {"sub_2": 1, "sub_3": 1}
    routed = replace(routing("evt_1", **matched), held=held, handler="sub_1")
    made = [
        delivery(subscription_id=each, service_id=service_id)
        for each, service_id in (("sub_1", "worker"), ("sub_3", "watcher"))
    ]
    through, _ = finder(executor, [event("evt_1")], [routed], made=made)
    for found in (through.get("evt_1", caller), *through.get_many(["evt_1"], caller)):
        shown = found.routing
        assert shown is not None
        assert shown.matched == seen
        assert shown.held == {each: pause for each, pause in held.items() if each in seen}
        assert shown.handler == ("sub_1" if "sub_1" in seen else None)
        assert {each.key.subscription_id for each in found.deliveries} == seen.keys() - {"sub_2"}
        recorded = {each.key.subscription_id: each.service_id for each in found.all_deliveries()}
        assert recorded == seen
        updated = {each.key.subscription_id: each.updated_at for each in found.all_deliveries()}
        assert updated == {each: routed.routed_at if each == "sub_2" else NOON for each in seen}


def test_events_of_a_deleted_subscription_need_a_narrowing_filter(executor: Executor) -> None:
    # Unfiltered, each request would read the events of all services to find these few.
    events = [
        event("evt_1", "task.created", source="planner"),
        event("evt_2", "task.created", source="planner"),
        event("evt_3", "role.made", source="planner"),
    ]
    through, _ = finder(
        executor,
        events,
        [routing("evt_1", sub_deleted="worker"), routing("evt_3", sub_1="worker")],
        [subscription("sub_1", "worker", ["role.*"])],
    )
    worker = service("worker")
    assert shown(through, EventQuery(), worker) == {"evt_3"}
    for query in (EventQuery(type="task.*"), EventQuery(source="planner", type="task.created")):
        assert shown(through, query, worker) == {"evt_1"}
    assert through.get("evt_1", worker).event.id == "evt_1"


SERVICES = ["asker", "worker", "watcher", "stranger"]
TYPES = ["task.made", "task.closed", "role.made", "asker.commands.responses", "eventbus.key.made"]


def shown(through: EventFinder, query: EventQuery, caller: Caller) -> set[str]:
    ids: set[str] = set()
    behind = None
    while True:
        page = through.page(query, behind, caller)
        ids |= {each.event.id for each in page.found}
        behind = page.position
        if behind is None:
            return ids


def may_be_read(through: EventFinder, event_id: str, caller: Caller) -> bool:
    try:
        through.get(event_id, caller)
    except NotFound:
        return False
    return True


@pytest.mark.parametrize("seed", range(5))
def test_lists_show_what_may_be_read_alone(executor: Executor, seed: int) -> None:
    rng = random.Random(seed)
    subscriptions = [
        subscription(
            f"sub_{number}",
            rng.choice(SERVICES[:3]),
            [rng.choice(["task.*", "task.closed", "role.*", "*.made", "eventbus.*"])],
            filters=rng.choice([{}, {"*": {"size": [1]}}]),
            status=rng.choice(["active", "active", "paused", "disabled"]),
        )
        for number in range(rng.randrange(5))
    ]
    events, routings = [], []
    for number in range(25):
        event_type, source = rng.choice(TYPES), rng.choice([*SERVICES, "eventbus"])
        metadata = {"correlation_id": rng.choice("ab"), "trace_id": "t"}
        made = event(
            f"evt_{number:02}",
            event_type,
            source,
            timestamp=f"2026-05-01T12:00:00.{number:03}Z",
            payload={"size": rng.randrange(2)},
            metadata=metadata,
        )
        if event_type == "asker.commands.responses":
            made = replace(made, metadata={**made.metadata, "reply_for": "asker"})
        events.append(made)
        if rng.random() < 0.8:
            # Filters have changed since some events were routed.
            to = [each for each in subscriptions if each.event_types[0] in ("task.*", event_type)]
            kept = {each.id: each.service_id for each in to if domain_of(event_type) == "task"}
            routings.append(routing(made.id, **kept))
    through, _ = finder(executor, events, routings, subscriptions)
    queries = [EventQuery(limit=7)]
    queries += [EventQuery(type=each, limit=7) for each in ("task.*", "*.made", "role.made")]
    queries += [EventQuery(source=each, limit=7) for each in SERVICES]
    queries += [EventQuery(correlation_id="a", limit=7), EventQuery(trace_id="t", order="oldest")]
    for caller in (*map(service, SERVICES), AN_ADMIN):
        readable = [each for each in events if may_be_read(through, each.id, caller)]
        for query in queries:
            asked = {each.id for each in readable if selected(query, each)}
            assert shown(through, query, caller) == asked, (query, caller)


def selected(query: EventQuery, each: Event) -> bool:
    return (
        (query.type is None or matches_type(query.type, each.type))
        and query.source in (None, each.source)
        and query.correlation_id in (None, each.metadata["correlation_id"])
    )


def test_hidden_and_missing_events_look_alike(executor: Executor) -> None:
    through, _ = finder(executor, [event("evt_1")])
    details = []
    for event_id in ("evt_1", "evt_2"):
        with pytest.raises(NotFound) as refusal:
            through.get(event_id, service("stranger"))
        details.append(refusal.value.detail.replace(event_id, ""))
    assert details[0] == details[1]
