"""A service sees the types that it publishes, and those that it may receive from somebody."""

import pytest
from event_bus.access.callers import Caller
from event_bus.access.receive_rights import ReceiveRights
from event_bus.access.type_visibility import TypeVisibility
from event_bus.model.rights import Default, Grant, Restriction

from tests.builders import AN_ADMIN, publisher, service

PUBLISHERS = [
    publisher("planner", "task.*"),
    publisher("tasks", "task.created"),
    publisher("billing", "order.paid"),
]


def visibility(
    caller: Caller, *changes: Grant | Restriction, default: Default = "everything"
) -> TypeVisibility:
    rights = ReceiveRights(default)
    for each in changes:
        rights.take(each)
    return TypeVisibility(caller, PUBLISHERS, rights)


def sources(seen: TypeVisibility, event_type: str) -> list[str]:
    return [each.service_id for each in seen.sources(event_type)]


def test_a_service_sees_whom_it_may_receive_a_type_from() -> None:
    worker = visibility(service("worker"), Restriction("planner", {"task.*": ["mailer"]}))
    assert sources(worker, "task.created") == ["tasks"]
    assert sources(worker, "task.closed") == []
    assert sources(worker, "order.paid") == ["billing"]
    mailer = visibility(service("mailer"), Restriction("planner", {"task.*": ["mailer"]}))
    assert sources(mailer, "task.created") == ["planner", "tasks"]


def test_a_service_sees_a_type_that_any_publisher_lets_it_receive() -> None:
    closed = Restriction("planner", {"task.*": ["mailer"]})
    worker = visibility(service("worker"), closed)
    assert worker.sees("task.created")
    assert not worker.sees("task.closed")
    assert visibility(service("mailer"), closed).sees("task.closed")


def test_a_service_sees_its_own_types_without_a_right() -> None:
    own = visibility(service("billing"), default="nothing")
    assert own.sees("order.paid")
    assert sources(own, "order.paid") == ["billing"]
    assert not own.sees("task.created")
    assert sources(own, "task.created") == []


@pytest.mark.parametrize(
    ("default", "given", "seen"),
    [
        ("everything", None, True),
        ("nothing", None, False),
        ("nothing", ["user.*"], True),
        ("everything", ["task.*"], False),
    ],
)
def test_the_rights_alone_decide_about_a_type_that_nobody_publishes(
    default: Default, given: list[str] | None, seen: bool
) -> None:
    worker = visibility(service("worker"), Grant("worker", given), default=default)
    assert worker.sees("user.made") is seen
    assert sources(worker, "user.made") == []


def test_an_admin_sees_all_types() -> None:
    admin = visibility(
        AN_ADMIN, Restriction("planner", {"task.*": []}), Grant("admin", []), default="nothing"
    )
    assert admin.sees("user.made")
    assert admin.sees("task.closed")
    assert sources(admin, "task.created") == ["planner", "tasks"]
    assert sources(admin, "user.made") == []
