"""The router never routes by a registry older than the events in its hands."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from event_bus.access.receive_rights import ReceiveRights
from event_bus.matching.event_view import event_view
from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.index import SubscriptionIndex
from event_bus.model.event import Event
from event_bus.model.rights import Grant, Restriction
from event_bus.model.routing_rule import RoutingRule
from event_bus.model.subscription import Subscription
from event_bus.routing.registry_view import RegistryView
from event_bus.stores.subscriptions import SubscriptionStore
from event_bus.targets.registry import TARGETS

from tests.aws import Aws
from tests.builders import event, subscription

TYPES = [["task.*"], ["task.created"], ["*"], ["role.*", "task.closed"], ["*.made"]]
FILTERS: list[dict[str, Any]] = [
    {},
    {"*": {"n": [1]}},
    {"*": {"n": [{"numeric": [">", 1]}]}},
    {"*": {"source": ["planner"]}},
    {"*": {"metadata": {"team": [{"exists": False}]}}},
]
EVENTS = [
    event(f"evt_{kind}_{n}_{source}".replace(".", "-"), kind, source, payload={"n": n})
    for kind in ("task.created", "task.closed", "role.made")
    for n in (1, 2)
    for source in ("planner", "other")
]


def matched(view: RegistryView, about: Event) -> list[tuple[str, int]]:
    payload = orjson.loads(about.payload or b"{}")
    found = view.matches(about, event_view(about.source, payload, about.metadata))
    return [(each.id, each.version) for each in found]


def by_force(subscriptions: dict[str, Subscription], about: Event) -> list[tuple[str, int]]:
    payload = orjson.loads(about.payload or b"{}")
    return [
        (each.id, each.version)
        for _, each in sorted(subscriptions.items())
        if each.status == "active"
        and SubscriptionFilter(each.event_types, each.filters).matches(
            about.type, about.source, payload, about.metadata
        )
    ]


def change_something(
    chance: random.Random, store: SubscriptionStore, held: dict[str, Subscription]
) -> None:
    def shape() -> dict[str, Any]:
        return {
            "event_types": chance.choice(TYPES),
            "filters": chance.choice(FILTERS),
            "status": chance.choice(["active", "active", "disabled"]),
        }

    action = chance.choice(["create", "update", "update", "delete"])
    if action == "create" or not held:
        made = store.create(replace(subscription(f"sub_{chance.random()}"), **shape()))
        held[made.id] = made
        return
    chosen = chance.choice(sorted(held))
    if action == "update":
        held[chosen] = store.update(replace(held[chosen], **shape()))
    else:
        store.delete(held.pop(chosen))


@pytest.mark.parametrize("seed", range(4))
def test_every_change_counts_from_the_next_refresh_on(aws: Aws, seed: int) -> None:
    chance = random.Random(seed)
    held: dict[str, Subscription] = {}
    long_lived = aws.view(RegistryView)
    for _ in range(12):
        for _ in range(chance.randint(0, 5)):
            change_something(chance, aws.subscriptions, held)
        starting = aws.view(RegistryView)
        for view in (long_lived, starting):
            view.refresh()
            for each in EVENTS:
                assert matched(view, each) == by_force(held, each)


class ChangingStore(SubscriptionStore):
    """Is changed while it is scanned."""

    __slots__ = ()

    def routing_rules(self) -> Iterator[RoutingRule]:
        scanned = list(SubscriptionStore.routing_rules(self))
        deleted = self.get("sub_1")
        assert deleted
        self.delete(deleted)
        self.create(subscription("sub_2"))
        yield from scanned


def test_a_change_during_the_first_scan_is_not_missed(aws: Aws) -> None:
    aws.subscriptions.create(subscription("sub_1"))
    store = ChangingStore(aws.table("subscriptions"), TARGETS, aws.table("changes"))
    view = aws.view(RegistryView, store=store)
    view.refresh()
    assert [name for name, _ in matched(view, event())] == ["sub_2"]


@pytest.mark.moto
def test_a_refresh_without_changes_is_one_read(aws: Aws) -> None:
    aws.subscriptions.create(subscription())
    view = aws.view(RegistryView)
    view.refresh()
    calls: list[str] = []

    def count(model: Any, **_: Any) -> None:
        calls.append(model.name)

    aws.dynamodb.meta.events.register("before-call.dynamodb", count)
    try:
        view.refresh()
    finally:
        aws.dynamodb.meta.events.unregister("before-call.dynamodb", count)
    assert calls == ["Query"]


def test_only_the_last_change_of_a_subscription_is_applied(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [aws.subscriptions.create(subscription(f"sub_{number}")) for number in range(2)]
    view = aws.view(RegistryView)
    view.refresh()
    applied: list[tuple[str, int]] = []
    put = SubscriptionIndex.put

    def count(index: SubscriptionIndex, name: str, types: list[str], filters: Any) -> None:
        applied.append((name, filters["*"]["n"][0]))
        put(index, name, types, filters)

    monkeypatch.setattr(SubscriptionIndex, "put", count)
    for number in range(3):
        filters = {"*": {"n": [number]}}
        made = [aws.subscriptions.update(replace(each, filters=filters)) for each in made]
    view.refresh()
    assert applied == [("sub_0", 2), ("sub_1", 2)]
    about = event(payload={"n": 2})
    assert [name for name, _ in matched(view, about)] == ["sub_0", "sub_1"]
    view.refresh()
    assert len(applied) == 2


def test_unreadable_filters_do_not_affect_other_subscriptions(aws: Aws) -> None:
    for name in ("sub_1", "sub_2"):
        aws.subscriptions.create(subscription(name))
    view = aws.view(RegistryView)
    view.refresh()
    stored = aws.subscriptions.get("sub_1")
    assert stored is not None
    aws.subscriptions.update(replace(stored, filters={"task.*": {"a": []}}))
    aws.subscriptions.create(subscription("sub_3"))
    starting = aws.view(RegistryView)
    for each in (view, starting):
        each.refresh()
        assert [name for name, _ in matched(each, event())] == ["sub_2", "sub_3"]


def test_a_changed_right_applies_from_the_next_refresh_on(aws: Aws) -> None:
    aws.subscriptions.create(subscription("sub_1", "worker"))
    aws.subscriptions.create(subscription("sub_2", "auditor"))
    view = aws.view(RegistryView)

    def names(of: RegistryView) -> list[str]:
        of.refresh()
        return [name for name, _ in matched(of, event())]

    assert names(view) == ["sub_1", "sub_2"]
    aws.rights.put(Grant("worker", ["order.*"]))
    assert names(view) == names(aws.view(RegistryView)) == ["sub_2"]
    aws.rights.put(Grant("worker", ["task.created"]), Grant("worker", ["order.*"]))
    assert names(view) == ["sub_1", "sub_2"]
    aws.rights.put(Grant("auditor", []))
    assert names(view) == names(aws.view(RegistryView)) == ["sub_1"]
    assert aws.rights.remove(Grant("auditor", None))
    assert not aws.rights.remove(Grant("auditor", None))
    assert names(view) == names(aws.view(RegistryView)) == ["sub_1", "sub_2"]
    aws.rights.restrict(Restriction("planner", {"task.*": ["worker"]}), [])
    assert names(view) == names(aws.view(RegistryView)) == ["sub_1"]
    aws.rights.restrict(Restriction("planner"), [])
    assert names(view) == names(aws.view(RegistryView)) == ["sub_1", "sub_2"]
    nothing = aws.view(RegistryView, rights=ReceiveRights("nothing"))
    assert names(nothing) == ["sub_1"]
    # A subscription of its publisher's own receives it, whatever is given to it.
    aws.subscriptions.create(subscription("sub_3", "planner"))
    assert names(nothing) == ["sub_1", "sub_3"]


def test_a_change_of_a_later_version_is_passed_over(aws: Aws) -> None:
    view = aws.view(RegistryView)
    view.refresh()
    later = {"kind": "of_a_later_version", "of_a_later_version": {"id": "sub_1"}}
    view.log.append(lambda _: later, lambda _: [])
    kept = aws.subscriptions.create(subscription())
    view.refresh()
    assert matched(view, EVENTS[0]) == [(kept.id, kept.version)]
