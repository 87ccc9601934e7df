"""Refusals become problem details (RFC 9457)."""

from typing import Any

import pytest
from event_bus import errors
from event_bus.errors import Fault, InvalidRequest, Problem, Unauthenticated, Unavailable

KINDS = Problem.__subclasses__()
FURTHER: dict[str, dict[str, Any]] = {
    "TooManyRequests": {"retry_after_seconds": 7},
    "Unauthenticated": {"reason": "no_key"},
    "Forbidden": {"reason": "scope"},
}
"""What some of them are told besides."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_refusal_has_the_members_of_a_problem(kind: type[Problem]) -> None:
    document = kind("Something.", **FURTHER.get(kind.__name__, {})).document()
    assert document == {
        "type": f"urn:event-bus:problem:{kind.kind}",
        "title": kind.title,
        "status": kind.status,
        "detail": "Something.",
    }


def test_no_two_refusals_share_a_kind_or_a_status() -> None:
    assert len({kind.kind for kind in KINDS}) == len({kind.status for kind in KINDS}) == len(KINDS)


def test_every_fault_is_shown() -> None:
    faults = [Fault("/a", "is wrong"), Fault("/b", "is wrong too")]
    document = errors.Conflict("Something.", faults).document()
    assert document["errors"] == [
        {"pointer": "/a", "detail": "is wrong"},
        {"pointer": "/b", "detail": "is wrong too"},
    ]


def test_the_fault_of_the_whole_body_is_named_in_words() -> None:
    assert InvalidRequest.at("", "is wrong").detail == "the body: is wrong"
    assert InvalidRequest.at("/a", "is wrong").faults == (Fault("/a", "is wrong"),)


def test_an_unknown_caller_learns_how_to_authenticate() -> None:
    assert (
        Unauthenticated("Who?", reason="no_key").headers["www-authenticate"].startswith("Bearer ")
    )


def test_an_early_request_gets_retry_after() -> None:
    assert Unavailable("Later.", retry_after_seconds=7).headers == {"retry-after": "7"}
