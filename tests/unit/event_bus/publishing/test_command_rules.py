"""A command can be answered, and its reply goes where its sender may publish."""

from typing import Any

import pytest
from event_bus.access.callers import Caller
from event_bus.access.known_publishers import KnownPublishers
from event_bus.errors import Forbidden, InvalidRequest, Problem
from event_bus.publishing.command_rules import check_command, no_handler
from event_bus.publishing.publisher_rights import PublisherRights

from tests.builders import AN_ADMIN, LATER, event, publisher, service

PLANNER = service("planner")
BUS = "eventbus"


def check(
    metadata: dict[str, Any],
    event_type: str = "command.pay",
    caller: Caller = PLANNER,
    source: str = "planner",
) -> None:
    registered = publisher("planner", "command.*", "task.done")
    rights = PublisherRights(KnownPublishers({"planner": registered}.get))
    sent = event(event_type=event_type, source=source, metadata=metadata)
    check_command(sent, caller, rights, "/3")


@pytest.mark.parametrize(
    ("metadata", "event_type"),
    [
        ({}, "command.pay"),
        ({"deadline": LATER, "expect_replies": 1}, "command.pay"),
        ({"expect_replies": 1}, "price.asked"),
        ({"expect_replies": 2, "deadline": LATER}, "price.asked"),
        ({"reply_to": "planner.answers"}, "command.pay"),
        ({"reply_to": "planner.answers.paid"}, "command.pay"),
        ({"reply_to": "task.done"}, "command.pay"),
        # Nobody is asked to reply.
        ({"reply_to": "worker.secrets", "deadline": "soon"}, "task.created"),
    ],
)
def test_a_command_that_can_be_answered_is_accepted(
    metadata: dict[str, Any], event_type: str
) -> None:
    check(metadata, event_type)


_ONE = "must be 1 or left out: a command has one handler, which replies once"
_DEADLINE = "is required if several replies are expected: they are collected until then"
_OWN = "must begin with planner., or be a type that this key may publish"


@pytest.mark.parametrize(
    ("metadata", "event_type", "refusal", "member", "said"),
    [
        ({"deadline": "soon"}, "command.pay", InvalidRequest, "deadline", None),
        ({"expect_replies": 2}, "command.pay", InvalidRequest, "expect_replies", _ONE),
        ({"expect_replies": 2}, "price.asked", InvalidRequest, "deadline", _DEADLINE),
        ({"reply_to": "Planner answers"}, "command.pay", InvalidRequest, "reply_to", None),
        ({"reply_to": "planner.*"}, "command.pay", InvalidRequest, "reply_to", None),
        ({"reply_to": "worker.secrets"}, "command.pay", Forbidden, "reply_to", _OWN),
        ({"reply_to": "plannerx.answers"}, "command.pay", Forbidden, "reply_to", _OWN),
        ({"reply_to": "task.created"}, "command.pay", Forbidden, "reply_to", _OWN),
        ({"reply_to": f"{BUS}.made"}, "command.pay", Forbidden, "reply_to", _OWN),
        ({"reply_to": "worker.x", "expect_replies": 1}, "price.asked", Forbidden, "reply_to", _OWN),
    ],
)
def test_a_command_that_nobody_could_answer_is_refused(
    metadata: dict[str, Any],
    event_type: str,
    refusal: type[Problem],
    member: str,
    said: str | None,
) -> None:
    with pytest.raises(refusal) as refused:
        check(metadata, event_type)
    [fault] = refused.value.faults
    assert fault.pointer == f"/3/metadata/{member}"
    assert fault.detail == said if said else len(fault.detail) > 20
    if refusal is Forbidden:
        assert refused.value.detail == f"{fault.pointer} {fault.detail}."
        assert refused.value.reason == "event_type"


def test_a_command_without_a_handler_is_refused_by_its_type() -> None:
    refusal = no_handler(event(event_type="command.pay"), "/3")
    assert [(each.pointer, each.detail) for each in refusal.faults] == [
        ("/3/type", "no subscription handles command.pay")
    ]
    assert refusal.detail == (
        "No subscription handles command.pay; register one with handles: true, or leave out "
        "require_handler."
    )


def test_an_admin_is_answered_anywhere_but_in_the_types_of_the_bus() -> None:
    check({"reply_to": "worker.secrets"}, caller=AN_ADMIN)
    for source in ("planner", BUS):
        with pytest.raises(Forbidden):
            check({"reply_to": f"{BUS}.made"}, caller=AN_ADMIN, source=source)
