"""`event-bus doctor`: each fault is found, with a command that exists."""

import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from event_bus_client.cli.findings import Finding, advice_for, of_keys

from infra.built import ROOT
from tests.unit.clients.command_line import AT, ScriptedBus, exit_code, run
from website.command_line import commands

NOW = datetime.now(UTC)
CODES = re.compile(r"^\| (`[^|]*) \|", re.MULTILINE)
"""The first column of a table of codes."""


def at(**ago: float) -> str:
    """A time before now: the doctor compares the bus's clock with this machine's."""
    moment = datetime.now(UTC) - timedelta(**ago)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def page(*items: Any) -> dict[str, Any]:
    return {"items": list(items), "next_cursor": None}


def health(**checks: Any) -> dict[str, Any]:
    passed = {"events-table": {"status": "pass", "time": at()}}
    return {"status": "pass", "checks": {**passed, **checks}}


CIRCUIT = {
    "state": "closed",
    "consecutive_failures": 0,
    "failing_since": None,
    "next_probe_at": None,
}
SUBSCRIPTION = {
    "id": "billing.orders",
    "service_id": "billing",
    "name": "Orders [1]",
    "status": "active",
    "target": {"type": "http", "url": "https://billing.example/events"},
    "disabled_reason": None,
    "paused_at": None,
    "backlog": None,
    "pace": {"state": "fast", "since": AT, "in_flight": 0},
}
FAILING = {
    "subscription_id": "billing.orders",
    "service_id": "billing",
    "name": "Orders [1]",
    "status": "active",
    "last_error": {"code": "timeout", "message": "no answer within 15 s", "timestamp": AT},
    "failing_since": AT,
    "attempts": 7,
    "waiting": 4,
    "circuit": CIRCUIT,
    "last_success": None,
}
LETTER = {
    "id": "dl_1",
    "subscription_id": "billing.orders",
    "error": {"code": "tls_certificate_expired", "message": "it has expired", "timestamp": AT},
}
KEY = {
    "id": "ebk_1",
    "service_id": "shop",
    "type": "api_key",
    "stands_for": None,
    "name": None,
    "scopes": ["publish"],
    "created_at": at(days=30),
    "rate_limit": None,
    "expires_at": at(days=-3),
    "last_used_at": None,
    "replaced_by": None,
}


def bus(**answers: Any) -> ScriptedBus:
    """A bus on which nothing fails, but for what a test says."""
    return ScriptedBus(
        **{
            "GET /health/ready": lambda _: health(),
            "GET /failing": {"items": [], "total": 0},
            "GET /subscriptions": page(SUBSCRIPTION),
            "GET /subscriptions/billing.orders": SUBSCRIPTION,
            "GET /dead-letters": page(),
            "GET /events": page(),
            "GET /publishers": page({"service_id": "shop"}),
            "GET /publishers/shop/keys": page(),
            **answers,
        }
    )


EVENT = {"id": "order-1", "type": "a.b", "source": "shop", "timestamp": AT, "created_at": AT}
FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "health, warn": (
        {"GET /health/ready": health(lag={"status": "warn", "time": at(), "output": "90 s"})},
        "warning health",
        "The check lag says warn.",
    ),
    "health, fail": (
        {
            "GET /health/ready": httpx.Response(
                503,
                json=health(lane={"status": "fail", "time": at(), "output": "does not answer"}),
                headers={"content-type": "application/health+json", "retry-after": "60"},
            )
        },
        "error health",
        "does not answer",
    ),
    "clock": (
        {"GET /health/ready": {"status": "pass", "checks": {"t": {"status": "pass", "time": AT}}}},
        "warning clock_skew",
        "ahead of that of the bus",
    ),
    "failing": (
        {"GET /failing": {"items": [FAILING], "total": 3}},
        "error failing",
        "billing “Orders [1]” (billing.orders) has failed since",
    ),
    "circuit": (
        {
            "GET /failing": {
                "items": [{**FAILING, "circuit": {**CIRCUIT, "state": "open"}}],
                "total": 1,
            }
        },
        "error circuit_open",
        "Its circuit is open",
    ),
    "disabled": (
        {"GET /subscriptions": page({**SUBSCRIPTION, "status": "disabled"})},
        "error disabled",
        "receives nothing",
    ),
    "paused": (
        {
            "GET /subscriptions": page(
                {**SUBSCRIPTION, "status": "paused", "paused_at": AT, "backlog": {"events": 12}}
            )
        },
        "warning paused",
        "Waiting events: 12.",
    ),
    "slow": (
        {"GET /subscriptions": page({**SUBSCRIPTION, "pace": {"state": "slow", "since": AT}})},
        "warning slow",
        "has answered slowly",
    ),
    "dead letters": (
        {"GET /dead-letters": page(LETTER, {**LETTER, "id": "dl_2"})},
        "error dead_letters",
        "2 dead letters of billing.orders need you",
    ),
    "a dead letter": (
        {"GET /dead-letters": page(LETTER)},
        "error dead_letters",
        "1 dead letter of billing.orders needs you",
    ),
    "unrouted": (
        {"GET /events": page({**EVENT, "payload": {}, "processed": False})},
        "error unrouted",
        "Events have waited to be routed",
    ),
    "key": (
        {"GET /publishers/shop/keys": page(KEY)},
        "warning key_ends",
        "The key ebk_1 of shop ends",
    ),
    "key, today": (
        {"GET /publishers/shop/keys": page({**KEY, "expires_at": at(hours=-2)})},
        "error key_ends",
        "The key ebk_1 of shop ends",
    ),
    "no right": (
        {"GET /failing": httpx.Response(403, json={"title": "No", "detail": "needs read"})},
        "info not_checked",
        "needs read",
    ),
    "a part that fails": (
        {
            "GET /failing": httpx.Response(
                503, json={"title": "Down"}, headers={"retry-after": "60"}
            )
        },
        "error health",
        "Failing subscriptions cannot be read.",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_with_a_command_that_exists(name: str) -> None:
    answers, kind, said = FAULTS[name]
    shown = run(bus(**answers), "doctor")
    assert said in shown.output
    result = run(bus(**answers), "doctor", "--json")
    document = json.loads(result.stdout)
    found = document["findings"]
    assert kind in {f"{each['severity']} {each['code']}" for each in found}
    fails = kind.startswith("error")
    assert document["ok"] is not fails
    if fails:
        assert exit_code(bus(**answers), "doctor") == 7
    else:
        assert result.exit_code == 0
    known = dict(commands())
    for each in found:
        for line in each["commands"]:
            words = shlex.split(line)
            if words[0] != "event-bus":
                continue
            names = tuple(words[1:2]) if tuple(words[1:2]) in known else tuple(words[1:3])
            assert names in known, line
            options = {option for one in known[names].params for option in one.opts}
            assert {word for word in words if word.startswith("--")} <= options, line


def test_a_bus_on_which_nothing_fails_ends_with_0() -> None:
    well = bus()
    shown = run(well, "doctor")
    assert shown.exit_code == 0
    assert shown.output == "Nothing fails.\n"
    assert not well.changes


def test_a_bus_that_cannot_be_reached_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("event_bus_client._sync.transport.sleep", lambda _: None)

    def refuse(request: httpx.Request) -> Any:
        raise httpx.ConnectError("refused", request=request)

    shown = run(bus(**{"GET /health/ready": refuse}), "doctor")
    assert "The bus cannot be reached." in shown.output
    assert "event-bus login" in shown.output


def test_keys_are_reported_while_somebody_can_act() -> None:
    def found(**members: Any) -> list[Finding]:
        return list(of_keys([{**KEY, **members}], NOW, "ebk_1"))

    assert "the one in use here" in found()[0].what
    assert found(expires_at=None) == []
    assert found(expires_at=at(days=-15)) == []
    assert found(expires_at=at(hours=1)) == []
    # A key that was rotated matters only as long as somebody uses it.
    assert found(replaced_by="ebk_2") == []
    [still] = found(replaced_by="ebk_2", last_used_at=at(hours=1))
    assert "it is still used" in still.why


def test_keys_are_looked_at_for_every_service_however_many_subscriptions_one_has() -> None:
    listed = [{**SUBSCRIPTION, "service_id": "billing"}] * 60 + [
        {**SUBSCRIPTION, "service_id": "audit"}
    ]
    missing = httpx.Response(404, json={"type": "urn:event-bus:problem:not-found", "title": "No"})
    one = bus(
        **{
            "GET /subscriptions": page(*listed),
            "GET /publishers/billing/keys": missing,
            "GET /subscribers/billing/keys": page(),
            "GET /publishers/audit/keys": missing,
            "GET /subscribers/audit/keys": page({**KEY, "id": "ebk_2", "service_id": "audit"}),
        }
    )
    assert "The key ebk_2 of audit ends at" in run(one, "doctor").output


def test_many_dead_letters_are_counted_as_at_least() -> None:
    pages = count()

    def listed(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"items": [LETTER] * 100, "next_cursor": str(next(pages))})

    shown = run(bus(**{"GET /dead-letters": listed}), "doctor")
    assert "at least 500 dead letters" in shown.output


@pytest.mark.parametrize(("code", "word"), [("timeout", "2xx"), ("new", "endpoint")])
def test_each_code_has_an_advice(code: str, word: str) -> None:
    assert word in advice_for(code)


def codes_of_deliveries() -> set[str]:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    rows = CODES.findall(page.partition("## Error codes of deliveries")[2])
    return set(re.findall(r"`(\w+)`", "".join(rows))) - {"code"}


TLS_ADVICE = {
    "tls_certificate_expired": "Renew the certificate",
    "tls_certificate_not_yet_valid": "valid now",
    "tls_certificate_self_signed": "public authority",
    "tls_certificate_untrusted": "intermediate",
    "tls_certificate_wrong_host": "the host in the URL",
    "tls_certificate_invalid": "Replace the certificate",
    "tls_not_spoken": "Turn on TLS at the endpoint, or correct the port",
    "tls_version_unsupported": "TLS 1.2",
    "tls_client_certificate_required": "no client certificate",
    "tls_failed": "TLS settings",
}


def test_the_advice_on_tls_fits_the_failure() -> None:
    codes = {each for each in codes_of_deliveries() if each.startswith("tls_")}
    assert codes == set(TLS_ADVICE)
    assert len({advice_for(each) for each in codes}) == len(codes)
    for code, words in TLS_ADVICE.items():
        assert words in advice_for(code)
        # A certificate helps only if the host has shown a wrong one.
        assert ("certificate" in advice_for(code)) == ("certificate" in code)
    assert advice_for("tls_new") == advice_for("tls_failed")


def test_each_code_of_a_dead_letter_has_an_advice_of_its_own() -> None:
    codes = codes_of_deliveries()
    assert len(codes) > 40
    other = {each for each in codes if advice_for(each) == advice_for("new")}
    # Such a delivery is dropped, waits for a resume, or needs the endpoint to be repaired.
    assert other == {
        "already_attempted",
        "circuit_open",
        "command_answered",
        "command_cancelled",
        "command_expired",
        "command_replayed",
        "connection_broken",
        "discarded",
        "event_expired",
        "interrupted",
        "not_matched",
        "subscription_deleted",
        "subscription_paused",
    }
