"""Who is not known is nobody."""

from typing import Any

import pytest
from event_bus.errors import Unauthenticated
from event_bus.security.callers import Caller, caller_of

from tests.builders import AN_ADMIN, service


@pytest.mark.parametrize("caller", [AN_ADMIN, service("planner")])
def test_what_the_authorizer_hands_on_is_the_caller(caller: Any) -> None:
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
def test_anything_less_is_refused(context: dict[str, Any] | None) -> None:
    with pytest.raises(Unauthenticated, match="x-api-key"):
        caller_of(context)


@pytest.mark.parametrize(
    ("context", "reason", "said"),
    [
        ({}, "no_key", "x-api-key"),
        ({"reason": "no_key"}, "no_key", "x-api-key"),
        ({"reason": "bad_key"}, "bad_key", r"^The API key is not valid\.$"),
        ({"reason": "bad_token"}, "bad_token", r"^The token is not valid, or its time is over\.$"),
        (
            {"reason": "unknown_principal"},
            "unknown_principal",
            "certificate, or role or user of IAM",
        ),
        # Labels of metrics are made of it: no other word passes.
        ({"reason": "scope"}, "no_key", "x-api-key"),
        ({"reason": "The API key is not valid."}, "no_key", "x-api-key"),
        (Caller("planner", "listener").context(), "scope", "stream token"),
    ],
)
def test_the_reason_of_the_authorizer_is_told(
    context: dict[str, str], reason: str, said: str
) -> None:
    with pytest.raises(Unauthenticated, match=said) as refusal:
        caller_of(context)
    assert refusal.value.reason == reason


def test_only_an_admin_is_admin() -> None:
    assert AN_ADMIN.admin
    assert not service("admin").admin
