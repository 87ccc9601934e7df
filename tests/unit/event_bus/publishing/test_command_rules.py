"""A command can be answered, and its reply goes where its sender may publish."""

from typing import Any

import pytest
from event_bus.access.callers import Caller
from event_bus.access.known_publishers import KnownPublishers
from event_bus.errors import Forbidden, InvalidRequest, Problem
from event_bus.publishing.command_rules import check_command
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
        ({"reply_to": "task.done"}, "command.pay"),
        # Nobody is asked to reply.
        ({"reply_to": "worker.secrets", "deadline": "soon"}, "task.created"),
    ],
)
def test_what_can_be_answered_is_accepted(metadata: dict[str, Any], event_type: str) -> None:
    check(metadata, event_type)


@pytest.mark.parametrize(
    ("metadata", "event_type", "refusal", "member"),
    [
        ({"deadline": "soon"}, "command.pay", InvalidRequest, "deadline"),
        ({"expect_replies": 2, "deadline": LATER}, "command.pay", InvalidRequest, "expect_replies"),
        ({"expect_replies": 2}, "price.asked", InvalidRequest, "deadline"),
        ({"reply_to": "Planner answers"}, "command.pay", InvalidRequest, "reply_to"),
        ({"reply_to": "planner.*"}, "command.pay", InvalidRequest, "reply_to"),
        ({"reply_to": "worker.secrets"}, "command.pay", Forbidden, "reply_to"),
        ({"reply_to": "plannerx.answers"}, "command.pay", Forbidden, "reply_to"),
        ({"reply_to": "task.created"}, "command.pay", Forbidden, "reply_to"),
        ({"reply_to": f"{BUS}.made"}, "command.pay", Forbidden, "reply_to"),
        ({"reply_to": "worker.x", "expect_replies": 1}, "price.asked", Forbidden, "reply_to"),
    ],
)
def test_what_nobody_could_answer_is_refused(
    metadata: dict[str, Any], event_type: str, refusal: type[Problem], member: str
) -> None:
    with pytest.raises(refusal) as refused:
        check(metadata, event_type)
    assert [fault.pointer for fault in refused.value.faults] == [f"/3/metadata/{member}"]


def test_an_admin_is_answered_anywhere_but_in_the_types_of_the_bus() -> None:
    check({"reply_to": "worker.secrets"}, caller=AN_ADMIN)
    for source in ("planner", BUS):
        with pytest.raises(Forbidden):
            check({"reply_to": f"{BUS}.made"}, caller=AN_ADMIN, source=source)
