"""The caller of a request follows from the authorizer's context alone."""

from typing import Any

import pytest
from event_bus.access.callers import PROBLEM, Caller, caller_of, listener_of
from event_bus.errors import Failure, Forbidden, Problem, Unauthenticated, Unavailable

from tests.builders import AN_ADMIN, service


@pytest.mark.parametrize("caller", [AN_ADMIN, service("planner")])
def test_the_authorizers_context_determines_the_caller(caller: Any) -> None:
    assert caller_of(caller.context()) == caller


@pytest.mark.parametrize(
    "context",
    [
        None,
        {},
        {"service_id": "planner"},
        {"role": "admin"},
        {"role": "admin", "service_id": ""},
        {"role": "admin", "service_id": None},
        {"role": "root", "service_id": "planner"},
        {"role": "Admin", "service_id": "planner"},
        {"role": None, "service_id": "planner"},
    ],
    ids=str,
)
def test_an_incomplete_context_is_refused(context: dict[str, Any] | None) -> None:
    with pytest.raises(Unauthenticated, match="x-api-key"):
        caller_of(context)


@pytest.mark.parametrize(
    ("context", "reason", "said"),
    [
        ({}, "no_key", "x-api-key"),
        ({"reason": "no_key"}, "no_key", "x-api-key"),
        ({"reason": "bad_key"}, "bad_key", r"^The API key is not valid\.$"),
        ({"reason": "bad_token"}, "bad_token", r"^The token is not valid, or has expired\.$"),
        (
            {"reason": "unknown_principal"},
            "unknown_principal",
            "certificate, IAM role or IAM user",
        ),
        # The reason becomes a label of a metric, so an unknown one is replaced.
        ({"reason": "scope"}, "no_key", "x-api-key"),
        ({"reason": "The API key is not valid."}, "no_key", "x-api-key"),
        (Caller("planner", "listener").context(), "scope", "stream token"),
    ],
)
def test_the_refusal_has_the_reason_of_the_authorizer(
    context: dict[str, str], reason: str, said: str
) -> None:
    with pytest.raises(Unauthenticated, match=said) as refusal:
        caller_of(context)
    assert refusal.value.reason == reason


@pytest.mark.parametrize("failure", [Unavailable, Failure])
def test_a_failure_of_the_authorizer_is_passed_on(failure: type[Problem]) -> None:
    with pytest.raises(failure) as passed_on:
        caller_of({PROBLEM: failure.kind})
    said = "The caller could not be identified; send the request again."
    assert passed_on.value.detail == said


def test_the_rate_of_a_key_is_passed_on() -> None:
    sent = service("planner").context()
    assert listener_of({**sent, "rate_limit": "50"}).rate_limit == 50
    assert listener_of(sent).rate_limit is None


def test_only_an_admin_is_admin() -> None:
    assert AN_ADMIN.admin
    assert not service("admin").admin


LIMITED = Caller("planner", "service", scopes=frozenset(["publish", "read"]), key_id="ebk_1")
TOKEN = Caller("llm", "listener", "sub_1", frozenset(["receive"]), "ebt_1")


@pytest.mark.parametrize("caller", [LIMITED, Caller("planner", "service", key_id="ebk_1")])
def test_scopes_and_key_are_in_the_context(caller: Caller) -> None:
    found = caller_of(caller.context())
    assert (found, found.scopes, found.key_id) == (caller, caller.scopes, caller.key_id)


def test_a_token_is_in_the_context_with_its_subscription() -> None:
    assert TOKEN.context() == {
        "service_id": "llm",
        "role": "listener",
        "subscription_id": "sub_1",
        "scopes": "receive",
        "key_id": "ebt_1",
    }
    found = listener_of(TOKEN.context())
    assert (found, found.key_id) == (TOKEN, "ebt_1")
    assert listener_of(service("planner").context()) == service("planner")


def test_a_listener_is_no_caller() -> None:
    with pytest.raises(Unauthenticated) as refusal:
        caller_of(TOKEN.context())
    assert refusal.value.reason == "scope"
    assert str(refusal.value) == "A stream token only permits listening; send an API key for this."


def test_no_scope_is_not_the_lack_of_a_limit() -> None:
    none = Caller("planner", "service", scopes=frozenset())
    assert none.context()["scopes"] == ""
    assert caller_of(none.context()).scopes == frozenset()
    assert "scopes" not in service("planner").context()
    assert caller_of(service("planner").context()).scopes is None


def test_a_limited_key_permits_only_its_scopes() -> None:
    LIMITED.need("publish")
    service("planner").need("manage")
    assert LIMITED.permits("read")
    assert not LIMITED.permits("receive")
    with pytest.raises(Forbidden) as refusal:
        LIMITED.need("receive")
    assert refusal.value.reason == "scope"
    assert str(refusal.value) == "The key lacks the scope receive, which this operation needs."
