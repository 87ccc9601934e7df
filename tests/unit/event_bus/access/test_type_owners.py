"""A service defines the types that it publishes, an admin all but those of the bus."""

from collections.abc import Callable

import pytest
from event_bus.access.callers import Caller
from event_bus.access.type_owners import check_owner, denial
from event_bus.errors import Forbidden
from event_bus.model.event import BUS_DOMAIN

from tests.builders import AN_ADMIN, publisher, service
from tests.refusals import pointers


def answering(registered: bool) -> Callable[[], bool]:
    return lambda: registered


@pytest.mark.parametrize(
    ("caller", "event_type", "registered", "said"),
    [
        (service("planner"), "task.created", True, None),
        (
            service("planner"),
            "task.created",
            False,
            "planner is not registered to publish task.created",
        ),
        (AN_ADMIN, "task.created", False, None),
        # Nobody owns the types of the bus, but those with a longer name are ordinary.
        (AN_ADMIN, BUS_DOMAIN, True, "types that begin with eventbus. are the bus's own"),
        (AN_ADMIN, f"{BUS_DOMAIN}.key", True, "types that begin with eventbus. are the bus's own"),
        (service(BUS_DOMAIN), f"{BUS_DOMAIN}.a.b", True, "types that begin with eventbus. are"),
        (service("planner"), f"{BUS_DOMAIN}s.key", True, None),
        (service("planner"), f"task.{BUS_DOMAIN}", True, None),
    ],
)
def test_who_owns_a_type(
    caller: Caller, event_type: str, registered: bool, said: str | None
) -> None:
    found = denial(caller, event_type, answering(registered))
    assert (found is None) is (said is None)
    assert (found or "").startswith(said or "")


def test_no_publisher_is_looked_for_where_it_does_not_matter() -> None:
    def look() -> bool:
        raise AssertionError("a publisher was looked for")

    assert denial(AN_ADMIN, "task.created", look) is None
    assert denial(service("planner"), f"{BUS_DOMAIN}.key", look)


def test_a_type_is_defined_by_those_who_publish_it() -> None:
    own = publisher("planner", "task.*", "role.made")
    for event_type in ("task.created", "role.made"):
        check_owner(service("planner"), own, event_type)
        check_owner(AN_ADMIN, None, event_type)


@pytest.mark.parametrize(
    ("caller", "event_type"),
    [
        (service("planner"), "role.created"),
        (service("stranger"), "task.created"),
        (AN_ADMIN, "eventbus.key.issued"),
    ],
)
def test_whoever_does_not_own_a_type_is_refused(caller: Caller, event_type: str) -> None:
    own = publisher("planner", "task.*") if caller.service_id == "planner" else None
    with pytest.raises(Forbidden) as refusal:
        check_owner(caller, own, event_type)
    assert pointers(refusal) == ["type"]
    assert refusal.value.reason == "event_type"
    [fault] = refusal.value.faults
    assert refusal.value.detail.lower() == f"{fault.detail}.".lower()
