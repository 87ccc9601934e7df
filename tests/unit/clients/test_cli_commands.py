"""The commands that stand for one or two calls each."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from event_bus_client.errors import NotFound

from tests.unit.clients.command_line import AT, ScriptedBus, body, exit_code, run

MATCHES = {
    "items": [
        {
            "subscription_id": "billing.orders",
            "service_id": "billing",
            "name": "Orders",
            "matched": False,
            "reason": {"code": "field", "pointer": "/filters/a", "detail": "total is 20"},
        },
        {
            "subscription_id": "audit.all",
            "service_id": "audit",
            "name": "All",
            "matched": True,
            "reason": None,
        },
    ],
    "next_cursor": None,
    "routed": True,
}


REPLAY = {
    "id": "rpl_1",
    "state": "completed",
    "progress": {"ratio": 1.0, "events_examined": 3, "deliveries_sent": 2, "events_unroutable": 0},
}


def outcome(*, matched: bool) -> dict[str, Any]:
    return {
        "matched": matched,
        "reasons": []
        if matched
        else [{"code": "field", "pointer": "/f", "detail": "total is 20", "suggestion": "[a] b"}],
        "suggestions": [],
        "sent": {"body": '{"id": "x"}', "headers": {}, "attributes": {}},
        "error": None,
    }


def test_an_event_is_explained() -> None:
    bus = ScriptedBus(**{"GET /events/order-1/matches": MATCHES})
    shown = run(bus, "subscriptions", "explain", "order-1").output
    assert "total is 20" in shown
    one = run(bus, "subscriptions", "explain", "order-1", "--subscription", "audit.all", "--json")
    assert json.loads(one.stdout) == MATCHES["items"][1]  # type: ignore[index]


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (("--event", "order-1"), {"event_id": "order-1"}),
        (
            ("--type", "order.placed", "--payload", '{"total": 1}'),
            {"event": {"type": "order.placed", "payload": {"total": 1}}},
        ),
        (("--file", "-"), {"event": {"type": "a.b", "payload": {}}}),
    ],
)
def test_an_event_is_tried_on_a_subscription(options: tuple[str, ...], sent: Any) -> None:
    bus = ScriptedBus(**{"POST /subscriptions/billing.orders/test": outcome(matched=True)})
    command = ("subscriptions", "test", "billing.orders")
    shown = run(bus, *command, *options, input='{"type": "a.b", "payload": {}}')
    assert shown.exit_code == 0, shown.output
    assert body(bus) == sent
    assert '{"id": "x"}' in shown.output


def test_an_event_that_does_not_match_has_an_exit_code() -> None:
    bus = ScriptedBus(**{"POST /subscriptions/billing.orders/test": outcome(matched=False)})
    command = ("subscriptions", "test", "billing.orders", "--event", "order-1")
    shown = run(bus, *command).output
    assert "total is 20" in shown
    assert "[a] b" in shown
    assert exit_code(bus, *command) == 8
    assert run(bus, *command[:3]).exit_code == 2


def test_a_subscription_is_paused_and_resumed() -> None:
    status = {"status": "paused"}
    bus = ScriptedBus(
        **{
            "GET /subscriptions/s": status,
            "PATCH /subscriptions/s": lambda _: {"id": "s"},
        }
    )
    assert run(bus, "subscriptions", "pause", "s").exit_code == 0
    assert body(bus) == {"status": "paused"}
    assert run(bus, "subscriptions", "resume", "s", "--from", "now").exit_code == 0
    assert body(bus) == {"status": "active", "resume_from": "now"}
    status["status"] = "disabled"
    assert run(bus, "subscriptions", "resume", "s").exit_code == 0
    assert body(bus) == {"status": "active"}
    assert run(bus, "subscriptions", "resume", "s", "--from", "then").exit_code == 2


def test_a_subscription_is_created_by_a_url_or_a_target() -> None:
    bus = ScriptedBus(**{"POST /subscriptions": {"id": "sub_1", "signing_secret": "whsec_1"}})
    create = ("subscriptions", "create", "order.*")
    assert run(bus, *create).exit_code == 2
    assert run(bus, *create, "--url", "https://x", "--target", "pull").exit_code == 2
    assert not bus.requests
    assert "whsec_1" in run(bus, *create, "--url", "https://x", "--filters", '{"a": {}}').output
    assert body(bus) == {
        "event_types": ["order.*"],
        "callback_url": "https://x",
        "filters": {"a": {}},
    }
    run(bus, *create, "--target", "pull")
    assert body(bus)["target"] == {"type": "pull"}
    run(bus, *create, "--target", '{"type": "sqs", "managed": true}')
    assert body(bus)["target"] == {"type": "sqs", "managed": True}


def test_a_replay_is_followed_until_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("event_bus_client.cli.replays._POLL_SECONDS", 0)
    running = {**REPLAY, "state": "running", "progress": {**REPLAY["progress"], "ratio": 0.5}}  # type: ignore[dict-item]
    states = iter([running, running, REPLAY])
    bus = ScriptedBus(**{"POST /replays": running, "GET /replays/rpl_1": lambda _: next(states)})
    done = run(bus, "replay", "--since", "2h", "--type", "order.*", "--rate", "20")
    assert "rpl_1 completed: 2 deliveries of 3 events" in done.stdout
    sent = json.loads(bus.requests[0].content)
    assert sent["from"].endswith("Z")
    assert (sent["event_types"], sent["rate"]) == (["order.*"], 20)


def test_one_event_is_replayed() -> None:
    bus = ScriptedBus(**{"POST /events/order-1/replay": REPLAY})
    assert run(bus, "replay", "order-1", "--subscription", "s", "--no-wait").exit_code == 0
    assert body(bus) == {"subscription_id": "s"}
    for wrong in ([], ["order-1", "--since", "2h"], ["order-1", "--rate", "2"]):
        assert run(bus, "replay", *wrong).exit_code == 2


def test_keys_of_a_service_that_only_receives_are_found() -> None:
    key = {"service_id": "shop", "type": "api_key", "scopes": ["publish"], "created_at": AT}
    bus = ScriptedBus(
        **{
            "GET /subscribers/billing/keys": {"items": [{**key, "id": "ebk_1"}]},
            "POST /publishers/shop/keys": {**key, "id": "ebk_2"},
            "POST /publishers/shop/keys/ebk_2/rotate": {**key, "id": "ebk_3"},
            "DELETE /publishers/shop/keys/ebk_2": httpx.Response(204),
        }
    )
    assert "ebk_1" in run(bus, "keys", "list", "billing").output
    assert "ebk_2" in run(bus, "keys", "create", "shop", "--scope", "publish").output
    assert body(bus) == {"scopes": ["publish"]}
    assert "ebk_3" in run(bus, "keys", "rotate", "shop", "ebk_2", "--overlap", "0").output
    assert body(bus) == {"overlap": 0}
    assert run(bus, "keys", "revoke", "shop", "ebk_2", "--yes").exit_code == 0


def test_a_service_without_keys_is_missed_by_both_of_its_names() -> None:
    def missing(detail: str) -> httpx.Response:
        problem = {"type": "urn:event-bus:problem:not-found", "title": "Not found", "status": 404}
        return httpx.Response(404, json={**problem, "detail": detail})

    bus = ScriptedBus(
        **{
            "GET /publishers/nope/keys": missing("There is no publisher nope."),
            "GET /subscribers/nope/keys": missing("There is no subscriber nope."),
            "DELETE /publishers/shop/keys/ebk_9": missing("The service shop has no key ebk_9."),
            "DELETE /subscribers/shop/keys/ebk_9": missing("There is no subscriber shop."),
        }
    )
    refused = run(bus, "keys", "list", "nope").exception
    assert isinstance(refused, NotFound)
    assert refused.detail == "There is no publisher nope. There is no subscriber nope."
    assert refused.document["detail"] == refused.detail
    refused = run(bus, "keys", "revoke", "shop", "ebk_9", "--yes").exception
    assert isinstance(refused, NotFound)
    assert refused.detail.startswith("The service shop has no key ebk_9.")


def test_schemas_are_registered_from_a_file(tmp_path: Path) -> None:
    bus = ScriptedBus(
        **{
            "POST /schemas/order.placed/versions": {"type": "order.placed", "version": 3},
            "PATCH /schemas/order.placed": {"validation": "enforce"},
            "GET /schemas/order.placed/versions/2": {"version": 2},
            "GET /schema-drafts": {"items": [{"type": "a.b", "schema": {}}]},
        }
    )
    file = tmp_path / "schema.json"
    file.write_text('{"type": "object"}')
    assert "version 3" in run(bus, "schemas", "register", "order.placed", str(file)).output
    assert body(bus) == {"schema": {"type": "object"}}
    file.write_text("{")
    assert run(bus, "schemas", "register", "order.placed", str(file)).exit_code == 2
    assert run(bus, "schemas", "set", "order.placed", "--validation", "enforce").exit_code == 0
    assert run(bus, "schemas", "set", "order.placed").exit_code == 2
    got = run(bus, "schemas", "get", "order.placed", "--version", "2", "--json").stdout
    assert json.loads(got) == {"version": 2}
    assert json.loads(run(bus, "schemas", "draft", "--json").stdout)["type"] == "a.b"


def test_a_flow_is_drawn_as_a_tree() -> None:
    def event(name: str, cause: str | None) -> dict[str, Any]:
        delivery = {"service_id": "billing", "status": "delivered", "attempts": [{}]}
        about = {"id": name, "type": f"order.{name}", "source": "shop"}
        return {**about, "cause": cause, "deliveries": [delivery]}

    flow = {"events": [event("a", None), event("b", "a")], "complete": True}
    bus = ScriptedBus(**{"GET /events/a/trace": flow})
    shown = run(bus, "events", "trace", "a").output
    assert shown.index("order.a") < shown.index("order.b")
    assert "→ billing delivered after 1 attempt" in shown
    assert json.loads(run(bus, "events", "trace", "a", "--json").stdout) == flow


def test_listening_reads_back_what_lies_in_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    def event(name: str, second: int) -> dict[str, Any]:
        at = f"2026-05-01T12:00:{second:02}.000Z"
        common = {"type": "order.placed", "source": "shop", "payload": {}, "metadata": {}}
        return {"id": name, "timestamp": at, "created_at": at, "processed": True, **common}

    def turn(*lines: str) -> httpx.Response:
        text = "".join(f"{each}\n\n" for each in lines)
        return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})

    turns = [
        turn(f"id: 1\ndata: {json.dumps(event('a', 1))}"),
        turn(
            'event: eventbus.stream.reset\ndata: {"reason": "expired"}',
            f"id: 3\ndata: {json.dumps(event('c', 3))}",
        ),
        httpx.Response(403, json={"title": "The test is over"}),
    ]
    stored = {"items": [event("a", 1), event("b", 2)], "next_cursor": None}
    bus = ScriptedBus(**{"GET /stream": lambda _: turns.pop(0), "GET /events": stored})
    forwarded: list[str] = []

    def forward(_http: Any, _url: str, sent: Any, _webhook: Any) -> str:
        forwarded.append(sent.id)
        return "204"

    monkeypatch.setattr("event_bus_client.cli.listen._forward", forward)
    run(bus, "listen", "--types", "order.*", "--forward-to", "http://127.0.0.1:9")
    assert forwarded == ["a", "b", "c"]
    asked = bus.requests[-2].url.params
    assert (asked["type"], asked["order"]) == ("order.*", "oldest")


def test_listening_prints_its_secret_as_json_too() -> None:
    secret = "whsec_" + "A" * 32
    arguments = ("listen", "--types", "a.*", "--forward-to", "http://127.0.0.1:9", "--print-secret")
    shown = run(ScriptedBus(), *arguments, "--secret", secret, "--json").stdout
    assert json.loads(shown) == {"signing_secret": secret}
    assert run(ScriptedBus(), *arguments, "--secret", secret).stdout.startswith(f"{secret}\n")


@pytest.fixture
def hang_up() -> Iterator[None]:
    """Restores what a process does when its terminal is closed, or when it is to end."""
    before = {each: signal.getsignal(each) for each in (signal.SIGHUP, signal.SIGTERM)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("hang_up")
def test_listening_ends_in_order_when_its_terminal_is_closed() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    arguments = ("listen", "--types", "order.*", "--forward-to", "http://127.0.0.1:9")

    def close(_: httpx.Request) -> httpx.Response:
        # Otherwise it would end the tests.
        assert signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL
        os.kill(os.getpid(), signal.SIGHUP)
        return httpx.Response(403)

    assert exit_code(ScriptedBus(**{"GET /stream": close}), *arguments) == 130

    # As `nohup` has it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert exit_code(ScriptedBus(), *arguments) == 4
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def command(state: str, **members: Any) -> dict[str, Any]:
    handler = {"subscription_id": "generator.work", "service_id": "generator"}
    common: dict[str, Any] = {"id": "analyst:1", "handler": handler, "error": None, "replies": []}
    return {**common, "state": state, **members}


def test_a_command_is_sent_read_and_cancelled() -> None:
    reply = {"service_id": "generator", "status": "succeeded", "event": {"payload": {"files": 3}}}
    failed = command("failed", error={"title": "No", "detail": "no such requirement"})
    bus = ScriptedBus(
        **{
            "POST /commands": command("succeeded", replies=[reply]),
            "GET /commands/analyst:1": failed,
            "POST /commands/analyst:1/cancel": command("cancelled"),
        }
    )
    send = ("commands", "send", "command.generate", '{"a": 1}', "--deadline", "60")
    shown = run(bus, *send, "--require-handler", "--wait", "3").output
    assert "analyst:1 succeeded, handled by generator" in shown
    assert "{'files': 3}" in shown
    sent = body(bus)
    assert (sent["type"], sent["payload"]) == ("command.generate", {"a": 1})
    assert sent["id"]
    assert sent["metadata"]["deadline"] > AT
    assert dict(bus.requests[0].url.params) == {"wait": "3", "require_handler": "true"}
    assert exit_code(bus, "commands", "get", "analyst:1", "--wait", "0") == 1
    assert "no such requirement" in run(bus, "commands", "get", "analyst:1").output
    assert "cancelled" in run(bus, "commands", "cancel", "analyst:1", "--yes").output


@pytest.mark.parametrize(
    ("options", "followed"),
    [
        (
            ("--stream", "task/1", "--from-version", "1"),
            {"source": "shop", "id": "task/1", "from_version": 1},
        ),
        (("--category", "task"), {"source": "shop", "category": "task"}),
    ],
)
def test_a_subscription_follows_streams(options: tuple[str, ...], followed: Any) -> None:
    bus = ScriptedBus(**{"POST /subscriptions": {"id": "sub_1"}})
    create = ("subscriptions", "create", "task.*", "--target", "pull")
    assert run(bus, *create, *options, "--source", "shop").exit_code == 0
    assert body(bus)["stream"] == followed
    for wrong in (options, options[2:], (*options, "--stream", "a", "--category", "b")):
        if wrong:
            assert run(bus, *create, *wrong).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "route", "pointer", "option"),
    [
        (("contexts", "get", "a", "b"), "GET /contexts/a/b", "service_id", "--service"),
        (("dead-letters", "list"), "GET /dead-letters", "subscriber_id", "--service"),
        (("events", "list"), "GET /events", "from", "--since"),
        (("replay", "--since", "x"), "POST /replays", "/from", "--since"),
        (("replay", "--since", "1h"), "POST /replays", "/event_types/0", "--type"),
        (("publish", "a.b"), "POST /events", "/payload/total", "/payload/total"),
        (("streams", "list"), "GET /streams", "colour", "colour"),
    ],
)
def test_a_problem_names_the_option(
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    route: str,
    pointer: str,
    option: str,
) -> None:
    refusal = {
        "title": "The request is not valid",
        "status": 400,
        "detail": f"{pointer}: is required with an admin key",
        "errors": [{"pointer": pointer, "detail": "is required with an admin key"}],
    }
    bus = ScriptedBus(**{route: httpx.Response(400, json=refusal)})
    assert exit_code(bus, *arguments) == 1
    said = capsys.readouterr().err
    assert f"{option}: is required with an admin key\n" in said
    assert f"valid: {option}: is required with an admin key\n" in said
