"""A caller sees its own subscriptions and publishers, an admin all, a stream token one."""

import pytest
from event_bus.access.callers import Caller
from event_bus.access.ownership import (
    may_see_service,
    own,
    own_publisher,
    own_source,
    own_subscription,
    refuse_reserved,
)
from event_bus.errors import Fault, Forbidden, InvalidRequest, MalformedRequest, NotFound

from tests.builders import AN_ADMIN, publisher, service, subscription

KEPT = {each.id: each for each in (subscription("sub_1", "worker"), subscription("sub_2", "llm"))}
PUBLISHERS = {each: publisher(each) for each in ("planner", "worker", "")}


@pytest.mark.parametrize(
    ("caller", "seen"),
    [
        (AN_ADMIN, ["sub_1", "sub_2"]),
        (service("worker"), ["sub_1"]),
        (service("llm"), ["sub_2"]),
        (service("stranger"), []),
        (service("admin"), []),
        (Caller("worker", "listener", "sub_1"), ["sub_1"]),
        # A token is for its subscription, whatever service and role it has.
        (Caller("llm", "listener", "sub_1"), ["sub_1"]),
        (Caller("worker", "listener", "sub_404"), []),
        (Caller("admin", "admin", "sub_1"), ["sub_1"]),
        (Caller("worker", "listener", ""), []),
    ],
    ids=lambda each: str(getattr(each, "service_id", "")),
)
def test_visibility_of_a_subscription_by_caller(caller: Caller, seen: list[str]) -> None:
    for name, kept in KEPT.items():
        if name in seen:
            assert own_subscription(KEPT.get, name, caller) is kept
        else:
            with pytest.raises(NotFound) as refusal:
                own_subscription(KEPT.get, name, caller)
            assert str(refusal.value) == (
                f"There is no subscription {name}, or none that this key may see."
            )
        # For what it is about to do, a caller may use any.
        assert own_subscription(KEPT.get, name, caller, of_anyone=True) is kept


@pytest.mark.parametrize(
    ("caller", "sees"),
    [(AN_ADMIN, True), (service("worker"), True), (service("llm"), False), (service(""), False)],
    ids=lambda each: str(getattr(each, "service_id", "")),
)
def test_a_resource_is_found_by_its_owner_and_admins(caller: Caller, *, sees: bool) -> None:
    kept = subscription("sub_1", "worker")
    if sees:
        assert own(kept, "replay rpl_1", caller) is kept
    # What is hidden is refused in the same words as what does not exist.
    for found in (None,) if sees else (None, kept):
        with pytest.raises(NotFound) as refusal:
            own(found, "replay rpl_1", caller)
        assert str(refusal.value) == "There is no replay rpl_1, or none that this key may see."


@pytest.mark.parametrize("of_anyone", [True, False])
def test_a_missing_subscription_is_not_found(*, of_anyone: bool) -> None:
    with pytest.raises(NotFound, match="sub_404"):
        own_subscription(KEPT.get, "sub_404", AN_ADMIN, of_anyone=of_anyone)


@pytest.mark.parametrize(
    ("caller", "service_id", "sees"),
    [
        (AN_ADMIN, "planner", True),
        (AN_ADMIN, "nobody", False),
        (AN_ADMIN, "", False),
        (service("planner"), "planner", True),
        (service("planner"), "worker", False),
        (service(""), "", False),
    ],
)
def test_visibility_of_a_publisher_by_caller(
    caller: Caller, service_id: str, *, sees: bool
) -> None:
    if sees:
        assert own_publisher(PUBLISHERS.get, service_id, caller) is PUBLISHERS[service_id]
        assert may_see_service(service_id, caller)
        return
    with pytest.raises(NotFound) as refusal:
        own_publisher(PUBLISHERS.get, service_id, caller)
    assert str(refusal.value) == (
        f"There is no publisher {service_id}, or none that this key may see."
    )


def test_no_lookup_for_an_invisible_publisher() -> None:
    looked_for: list[str] = []
    with pytest.raises(NotFound):
        own_publisher(looked_for.append, "worker", service("planner"))
    assert looked_for == []
    assert not may_see_service("worker", service("planner"))
    assert may_see_service("worker", AN_ADMIN)


def test_a_service_asks_for_its_own_streams_and_an_admin_names_their_owner() -> None:
    assert own_source(None, service("planner")) == "planner"
    assert own_source("planner", service("planner")) == "planner"
    for other in ("worker", ""):
        with pytest.raises(Forbidden) as forbidden:
            own_source(other, service("planner"))
        said = f"planner may not do this for the streams of {other}."
        assert (forbidden.value.detail, forbidden.value.reason) == (said, "other_service")
    assert own_source("worker", AN_ADMIN) == "worker"
    with pytest.raises(MalformedRequest) as refusal:
        own_source(None, AN_ADMIN)
    said = "is required with an admin key: name the service that owns the streams"
    assert refusal.value.faults == (Fault("source", said),)


def test_no_service_has_a_name_that_the_bus_keeps_for_itself() -> None:
    refuse_reserved("planner")
    for name in ("admin", "eventbus"):
        with pytest.raises(InvalidRequest) as refusal:
            refuse_reserved(name)
        assert refusal.value.faults == (Fault("/service_id", f"{name} is kept for the bus itself"),)
