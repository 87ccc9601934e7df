"""A service receives the types that are given to it, and what it published itself."""

from dataclasses import replace

import pytest
from event_bus import times
from event_bus.access.receive_rights import (
    CACHE_SECONDS,
    FRESH_SECONDS,
    HandoverRights,
    ReceiveRights,
    RightsReader,
)
from event_bus.model.event import AUDIENCE, BUS_DOMAIN
from event_bus.model.metadata_members import REPLY_FOR
from event_bus.model.rights import Default, Grant, Restriction

from tests.aws import Aws
from tests.builders import NOON, event
from tests.clock import Clock


@pytest.mark.parametrize(
    ("default", "given", "event_type", "permitted"),
    [
        ("everything", None, "task.created", True),
        ("nothing", None, "task.created", False),
        ("everything", [], "task.created", False),
        ("everything", ["order.*"], "task.created", False),
        ("nothing", ["task.*"], "task.created", True),
        ("nothing", ["order.*", "task.created"], "task.created", True),
        ("nothing", ["task.created"], "task.closed", False),
        ("nothing", ["*"], "a.b.c", True),
    ],
)
def test_given_types_replace_the_default(
    default: Default, given: list[str] | None, event_type: str, permitted: bool
) -> None:
    rights = ReceiveRights(default)
    rights.take(Grant("worker", given))
    rights.take(Grant("other", ["*"]))
    assert rights.permits("worker", event_type, "planner") is permitted
    assert rights.permits("other", event_type, "planner")
    assert rights.permits("planner", event_type, "planner")
    assert rights.permits("admin", event_type, "planner")


@pytest.mark.parametrize(
    ("pattern", "may_match"),
    [
        # The service's own name and the bus's events, however many segments follow.
        ("worker.done.soon", True),
        (f"{BUS_DOMAIN}.key.*", True),
        ("order.*", True),
        ("order.placed.twice", True),
        ("*", True),
        ("workers.done", False),
        ("task.worker", False),
        ("task.*", False),
    ],
)
def test_a_pattern_may_match_what_is_given_and_what_is_the_services_own(
    pattern: str, may_match: bool
) -> None:
    rights = ReceiveRights("nothing")
    rights.take(Grant("worker", ["order.*"]))
    assert rights.may_match("worker", pattern) is may_match


def test_a_decision_lasts_until_the_next_change() -> None:
    rights = ReceiveRights("nothing")
    for given, permitted in ((None, False), (["task.*"], True), ([], False), (["*"], True)):
        rights.take(Grant("worker", given))
        assert [rights.permits("worker", "task.created", "planner") for _ in range(2)] == [
            permitted
        ] * 2
    rights.take(Grant("worker", None))
    assert not rights.permits("worker", "task.created", "planner")


def test_a_restricted_type_is_received_by_those_who_are_named() -> None:
    rights = ReceiveRights("everything")
    rights.take(Restriction("planner", {"task.*": ["worker", "auditor"], "*.closed": ["auditor"]}))
    rights.take(Grant("worker", ["task.*", "role.*"]))

    def permitted(service_id: str, event_type: str, source: str = "planner") -> bool:
        return rights.permits(service_id, event_type, source)

    assert [permitted(each, "task.created") for each in ("worker", "auditor", "stranger")] == [
        True,
        True,
        False,
    ]
    # Each list that is about the type must name the service.
    assert [permitted(each, "task.closed") for each in ("worker", "auditor")] == [False, True]
    assert permitted("stranger", "role.made")
    assert permitted("stranger", "task.created", source="other")
    assert permitted("planner", "task.closed")
    # To be named is not to be given the type.
    assert not permitted("worker", "order.closed")
    rights.take(Restriction("planner"))
    assert permitted("stranger", "task.closed")


def test_rights_to_older_events_are_read_again(aws: Aws) -> None:
    aws.rights.put(Grant("worker", []))
    clock = Clock()
    rights = HandoverRights(RightsReader(aws.rights, "everything"), clock)
    fresh = replace(event(), created_at=times.at(times.unix() - FRESH_SECONDS + 5))
    older = replace(event(), created_at=times.at(times.unix() - FRESH_SECONDS - 5))
    assert rights.permits("worker", fresh)
    assert not rights.permits("worker", older)
    assert rights.permits("planner", older)
    aws.rights.put(Grant("worker", ["task.*"]), Grant("worker", []))
    clock.now += CACHE_SECONDS - 1
    assert not rights.permits("worker", older)
    clock.now += 1
    assert rights.permits("worker", older)


def test_the_rights_to_one_source_say_nothing_of_another(aws: Aws) -> None:
    aws.rights.restrict(Restriction("planner", {"task.*": ["auditor"]}), [])
    for sources in (["planner", "other"], ["other", "planner"]):
        rights = HandoverRights(RightsReader(aws.rights, "everything"), Clock())
        permitted = {
            each: rights.permits("worker", replace(event(source=each), created_at=NOON))
            for each in sources
        }
        assert permitted == {"planner": False, "other": True}


@pytest.mark.parametrize(
    ("source", "metadata"),
    [(BUS_DOMAIN, {AUDIENCE: "worker"}), ("planner", {REPLY_FOR: "worker"})],
)
def test_an_event_for_one_service_reaches_no_other(source: str, metadata: dict[str, str]) -> None:
    rights = ReceiveRights("everything")
    rights.take(Grant("stranger", ["*"]))
    rights.take(Grant("worker", []))
    told = replace(event(source=source), metadata=metadata)
    permitted = [
        each for each in ("worker", "stranger", "admin") if rights.permits_event(each, told)
    ]
    assert permitted == ["worker", "admin"]
