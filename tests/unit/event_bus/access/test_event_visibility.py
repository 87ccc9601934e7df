"""A service sees what it published, what was routed to it, and what it subscribed to."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from event_bus.access.callers import Caller
from event_bus.access.event_visibility import Visibility, VisibleEvents
from event_bus.access.receive_rights import RightsReader
from event_bus.model.delivery import Routing
from event_bus.model.event import BUS_DOMAIN
from event_bus.model.filters import Filters
from event_bus.model.rights import Grant
from event_bus.model.subscription import Subscription
from event_bus.stores.routings import RoutingStore

from tests.aws import Aws
from tests.builders import AN_ADMIN, event, routing, service, subscription
from tests.unit.event_bus.querying.memory import EVERYTHING

HIGH = {"task.*": {"priority": ["high"]}}
SUBSCRIPTIONS = [
    subscription("sub_1", "all-tasks", ["task.*"]),
    subscription("sub_2", "high-tasks", ["task.*"], filters=HIGH),
    subscription("sub_3", "low-tasks", ["task.*"], filters={"task.*": {"priority": ["low"]}}),
    subscription("sub_4", "traced", ["*"], filters={"*": {"metadata": {"team": ["x"]}}}),
    subscription("sub_5", "disabled", ["task.*"], status="disabled"),
    subscription("sub_6", "roles", ["role.*"]),
    subscription("sub_7", "sourced", ["*"], filters={"*": {"source": ["planner"]}}),
    subscription("sub_8", "other-source", ["*"], filters={"*": {"source": ["other"]}}),
    # Those that make nothing visible come first.
    subscription("sub_9", "several", ["task.*"], status="disabled"),
    subscription("sub_10", "several", ["task.*"], filters={"task.*": {"n": [{"no": "operator"}]}}),
    subscription("sub_11", "several", ["task.*"]),
]


def of_service(service_id: str) -> Iterable[Subscription]:
    return [each for each in SUBSCRIPTIONS if each.service_id == service_id]


EVENT = event(source="planner", payload={"priority": "high"}, metadata={"team": "x"})


@pytest.mark.parametrize(
    ("caller", "routed", "sees"),
    [
        (AN_ADMIN, None, True),
        (service("planner"), None, True),
        (service("all-tasks"), None, True),
        (service("high-tasks"), None, True),
        (service("low-tasks"), None, False),
        (service("traced"), None, True),
        (service("sourced"), None, True),
        (service("other-source"), None, False),
        (service("several"), None, True),
        (service("disabled"), None, False),
        (service("roles"), None, False),
        (service("stranger"), None, False),
        (service("stranger"), routing(sub_9="stranger"), True),
        (service("stranger"), routing(sub_9="other"), False),
        (service("sub_9"), routing(sub_9="other"), False),
        (service("disabled"), routing(sub_5="disabled"), True),
        (service("low-tasks"), routing(sub_1="all-tasks"), False),
    ],
)
def test_visibility_of_an_event_by_caller(
    caller: Caller, routed: Routing | None, sees: bool
) -> None:
    visibility = Visibility(caller, of_service, EVERYTHING)
    assert visibility.sees(EVENT, routed, lambda: EVENT.payload) is sees


@pytest.mark.parametrize(
    ("source", "metadata", "sees"),
    [
        ("planner", {"reply_for": "stranger"}, True),
        ("planner", {"reply_for": "other"}, False),
        ("planner", {}, False),
        (BUS_DOMAIN, {"reply_for": "stranger"}, False),
        (BUS_DOMAIN, {"audience": "stranger"}, False),
    ],
)
def test_a_service_without_a_subscription_sees_the_replies_to_its_commands(
    aws: Aws, source: str, metadata: dict[str, str], sees: bool
) -> None:
    sent = event(event_type="stranger.commands.responses")
    reply = replace(sent, source=source, metadata=metadata)
    aws.rights.put(Grant("stranger", []))
    rights = RightsReader(aws.rights, "nothing")
    caller = service("stranger")
    assert Visibility(caller, of_service, rights).sees(reply, None, _no_payload) is sees
    assert VisibleEvents(aws.routings, of_service, rights).sees(reply, caller) is sees


def _no_payload() -> bytes:
    raise AssertionError("the payload was read")


@pytest.mark.parametrize("service_id", ["planner", "all-tasks", "disabled", "roles", "stranger"])
def test_a_payload_is_read_only_where_a_filter_needs_it(service_id: str) -> None:
    Visibility(service(service_id), of_service, EVERYTHING).sees(EVENT, None, _no_payload)


def test_an_admins_subscriptions_are_not_looked_for() -> None:
    def look(_: str) -> Iterable[Subscription]:
        raise AssertionError("subscriptions were read")

    assert Visibility(AN_ADMIN, look, EVERYTHING).sees(EVENT, None, _no_payload)


def test_subscriptions_are_looked_for_once() -> None:
    looks = []

    def look(service_id: str) -> Iterable[Subscription]:
        looks.append(service_id)
        return of_service(service_id)

    visibility = Visibility(service("all-tasks"), look, EVERYTHING)
    for _ in range(3):
        visibility.sees(EVENT, None, lambda: EVENT.payload)
    assert looks == ["all-tasks"]


def test_a_service_does_not_see_an_event_that_it_may_not_receive(aws: Aws) -> None:
    caller = service("all-tasks")
    rights = RightsReader(aws.rights, "everything")
    matched = routing(sub_1="all-tasks")

    def sees(routed: Routing | None) -> bool:
        return Visibility(caller, of_service, rights).sees(EVENT, routed, lambda: EVENT.payload)

    assert (sees(None), sees(matched)) == (True, True)
    aws.rights.put(Grant("all-tasks", ["order.*"]))
    assert (sees(None), sees(matched)) == (False, False)
    assert not VisibleEvents(aws.routings, of_service, rights).sees(EVENT, caller)
    aws.rights.put(Grant("all-tasks", ["task.*"]), Grant("all-tasks", ["order.*"]))
    assert (sees(None), sees(matched)) == (True, True)
    assert VisibleEvents(aws.routings, of_service, rights).sees(EVENT, caller)


@pytest.mark.parametrize(
    ("filters", "sees"),
    [(HIGH, False), ({"task.*": {"priority": [{"exists": False}]}}, True)],
)
def test_a_payload_that_is_not_there_has_no_fields(filters: Filters, sees: bool) -> None:
    subscribed = [subscription("sub_1", "worker", ["task.*"], filters=filters)]
    visibility = Visibility(service("worker"), lambda _: subscribed, EVERYTHING)
    assert visibility.sees(EVENT, None, lambda: None) is sees


def test_rights_are_read_once_for_the_events_of_others() -> None:
    reads: list[tuple[str, set[str]]] = []

    def read(service_id: str, sources: Iterable[str]) -> list[Grant]:
        reads.append((service_id, {*sources}))
        return []

    store: Any = SimpleNamespace(read=read)
    rights = RightsReader(store, "everything")
    visibility = Visibility(service("all-tasks"), of_service, rights)
    visibility.prepare(["planner", "all-tasks", "other"])
    assert visibility.sees(EVENT, None, _no_payload)
    visibility.prepare(["other", "planner"])
    visibility.prepare(["all-tasks"])
    assert reads == [("all-tasks", {"planner", "other"})]
    visibility.prepare(["other", "third"])
    assert reads[1:] == [("all-tasks", {"third"})]
    Visibility(AN_ADMIN, of_service, rights).prepare(["planner"])
    assert len(reads) == 2


class Routed(RoutingStore):
    """Routing records, which are read as they are now."""

    found: dict[str, Routing]

    def __init__(self, *routings: Routing) -> None:
        object.__setattr__(self, "found", {each.event_id: each for each in routings})

    def get_many(self, event_ids: Iterable[str], *, consistent: bool = False) -> dict[str, Routing]:
        assert consistent
        return {each: self.found[each] for each in event_ids if each in self.found}


@pytest.mark.parametrize(
    ("caller", "sees"),
    [
        ("stranger", True),
        ("high-tasks", True),
        ("low-tasks", False),
        ("roles", False),
    ],
)
def test_a_single_event_is_visible_by_its_routing_or_by_a_filter(caller: str, sees: bool) -> None:
    visible = VisibleEvents(Routed(routing(sub_12="stranger")), of_service, EVERYTHING)
    assert visible.sees(EVENT, service(caller)) is sees


def test_a_payload_in_the_bucket_matches_no_filter_until_it_was_routed() -> None:
    large = replace(EVENT, payload=None)
    before = VisibleEvents(Routed(), of_service, EVERYTHING)
    assert not before.sees(large, service("high-tasks"))
    after = VisibleEvents(Routed(routing(sub_2="high-tasks")), of_service, EVERYTHING)
    assert after.sees(large, service("high-tasks"))


@pytest.mark.parametrize("caller", [AN_ADMIN, service("planner")])
def test_nothing_is_read_for_those_who_see_an_event_anyway(caller: Caller) -> None:
    nothing: Any = None
    assert VisibleEvents(nothing, of_service, nothing).sees(EVENT, caller)


def test_a_caller_does_not_wait_for_the_read_of_another() -> None:
    other = Visibility(service("high-tasks"), of_service, EVERYTHING)
    with ThreadPoolExecutor(1) as pool:

        def read_meanwhile(service_id: str) -> Iterable[Subscription]:
            assert pool.submit(lambda: len(other.filters)).result(10) == 1
            return of_service(service_id)

        assert len(Visibility(service("all-tasks"), read_meanwhile, EVERYTHING).filters) == 1
