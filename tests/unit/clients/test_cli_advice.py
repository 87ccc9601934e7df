"""The advice of `event-bus doctor` can be followed in the state that it is given for."""

import json
from typing import Any

import httpx
import pytest
from event_bus_client.cli.findings import advice_for, of_keys, of_subscriptions

from tests.unit.clients.command_line import AT, run
from tests.unit.clients.test_cli_doctor import (
    FAILING,
    KEY,
    LETTER,
    NOW,
    SUBSCRIPTION,
    bus,
    codes_of_deliveries,
    page,
)

GONE = httpx.Response(404, json={"type": "urn:event-bus:problem:not-found", "title": "No"})


def of_letters(subscription: Any, code: str = "timeout") -> dict[str, Any]:
    """The finding about dead letters of a subscription."""
    letter = {**LETTER, "error": {"code": code, "message": "it failed", "timestamp": AT}}
    one = bus(
        **{"GET /dead-letters": page(letter), "GET /subscriptions/billing.orders": subscription}
    )
    findings = json.loads(run(one, "doctor", "--json").stdout)["findings"]
    [found] = [each for each in findings if each["code"] == "dead_letters"]
    return dict(found)


def verbs(found: dict[str, Any]) -> list[str]:
    return [" ".join(each.split()[1:3]) for each in found["commands"]]


@pytest.mark.parametrize("code", ["timeout", "stream_passed", "subscription_disabled"])
def test_dead_letters_of_a_deleted_subscription_are_discarded_or_replayed(code: str) -> None:
    found = of_letters(GONE, code)
    assert "The subscription was deleted, so a retry would deliver nothing" in found["advice"]
    assert "event-bus replay EVENT_ID --subscription ID" in found["advice"]
    assert verbs(found) == ["dead-letters get", "dead-letters discard"]


@pytest.mark.parametrize("status", ["disabled", "paused"])
def test_a_subscription_is_resumed_before_its_dead_letters_are_retried(status: str) -> None:
    found = of_letters({**SUBSCRIPTION, "status": status})
    assert f"The subscription is {status}" in found["advice"]
    assert verbs(found) == [
        "dead-letters get",
        "subscriptions resume",
        "dead-letters retry",
        "dead-letters discard",
    ]


def test_nobody_is_told_to_resume_an_active_subscription() -> None:
    found = of_letters(SUBSCRIPTION, "subscription_disabled")
    assert found["advice"] == "The subscription is no longer disabled: retry these."
    assert "subscriptions resume" not in verbs(found)


def test_the_advice_on_dead_letters_says_what_ends_them() -> None:
    """They wait for a person, so none of them continues by itself."""
    codes = codes_of_deliveries()
    for code in codes - {"too_many_hops", "stream_passed", "subscription_disabled"}:
        assert of_letters(SUBSCRIPTION, code)["advice"].endswith("Then retry."), code
    for code in codes:
        assert "by itself" not in of_letters(SUBSCRIPTION, code)["advice"]
        assert "retry" not in advice_for(code).lower().replace("retry policy", "")
    assert "discard" in of_letters(SUBSCRIPTION, "stream_passed")["advice"]
    assert "discard" in of_letters(SUBSCRIPTION, "too_many_hops")["advice"]


def test_only_a_subscription_that_is_active_is_tried_again() -> None:
    def advice(**members: Any) -> str:
        one = bus(**{"GET /failing": {"items": [{**FAILING, **members}], "total": 1}})
        findings = json.loads(run(one, "doctor", "--json").stdout)["findings"]
        [found] = [each for each in findings if each["code"] == "failing"]
        return str(found["advice"])

    assert advice().endswith("The bus tries again by itself.")
    assert "by itself" not in advice(status="disabled")


def test_a_slow_function_is_not_asked_for_a_status() -> None:
    def advice(**target: Any) -> str:
        slow = {**SUBSCRIPTION, "target": target, "pace": {"state": "slow", "since": AT}}
        [found] = of_subscriptions([slow])
        return found.advice

    assert "2xx" in advice(type="http")
    assert "2xx" not in advice(type="lambda")


def test_the_status_of_many_subscriptions_is_not_looked_up() -> None:
    letters = [{**LETTER, "subscription_id": f"sub_{each}"} for each in range(150)]
    one = bus(**{"GET /dead-letters": page(*letters)})
    findings = json.loads(run(one, "doctor", "--json").stdout)["findings"]
    asked = [each for each in one.requests if each.url.path.startswith("/subscriptions/sub_")]
    assert len(asked) == 100
    assert sum("was deleted" in each["advice"] for each in findings) == 100


def test_a_key_is_not_rotated_to_outlast_its_end() -> None:
    """A rotated key ends when the old one would have."""
    [found] = of_keys([{**KEY, "scopes": ["publish", "read"]}], NOW, None)
    assert found.commands == ("event-bus keys create shop --scope publish --scope read",)
    [found] = of_keys([{**KEY, "scopes": None}], NOW, None)
    assert found.commands == ("event-bus keys create shop",)
    # The command line names no certificates, roles and users.
    [found] = of_keys([{**KEY, "type": "iam"}], NOW, None)
    assert found.commands == ("event-bus keys list shop",)
    assert "certificate, role or user" in found.advice
