"""The command line, against a bus that answers by a table."""

import json
import threading
import tomllib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from event_bus_client import Webhook
from event_bus_client.cli.context import State
from event_bus_client.cli.exits import failures_shown
from event_bus_client.cli.main import app
from standardwebhooks.webhooks import Webhook as Reference
from typer.testing import CliRunner

AT = "2026-05-01T12:00:00.000Z"
EVENT = {
    "id": "order-1",
    "type": "order.placed",
    "source": "shop",
    "timestamp": AT,
    "created_at": AT,
    "processed": True,
    "payload": {"total": 250},
    "metadata": {},
    "deliveries": [],
}
Respond = Callable[[httpx.Request], httpx.Response]


class Bus:
    """Answers each route with what a test says, and keeps the requests."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        name = f"{request.method} {request.url.path}"
        if name not in self.answers:
            return httpx.Response(404, json={"title": "There is no such resource", "status": 404})
        answer = self.answers[name]
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


def run(bus: Bus, *arguments: str, **options: Any) -> Any:
    state = State(transport=httpx.MockTransport(bus))
    named = ["--url", "https://bus.example", "--api-key", "ebk_1", *arguments]
    return CliRunner().invoke(app, named, obj=state, **options)


def exit_code(bus: Bus, *arguments: str) -> int:
    """The code with which the program would end."""
    result = run(bus, *arguments)
    assert result.exception
    with pytest.raises(SystemExit) as ended, failures_shown():
        raise result.exception
    return int(str(ended.value.code))


def test_an_event_is_published() -> None:
    bus = Bus(**{"POST /events": EVENT})
    result = run(bus, "publish", "order.placed", '{"total": 250}', "-m", "correlation_id=cart=7")
    assert result.exit_code == 0, result.output
    assert "stored order-1" in result.output
    sent = json.loads(bus.requests[0].content)
    assert sent["payload"] == {"total": 250}
    assert sent["metadata"] == {"correlation_id": "cart=7"}


def test_a_payload_may_come_from_stdin() -> None:
    bus = Bus(**{"POST /events": EVENT})
    result = run(bus, "--json", "publish", "order.placed", "-", input='{"n": 1}')
    assert json.loads(result.stdout)["id"] == "order-1"
    assert json.loads(bus.requests[0].content)["payload"] == {"n": 1}


@pytest.mark.parametrize("payload", ["{", "[1]", "1", "{'a': 1}"])
def test_a_payload_that_is_no_object_is_refused_before_it_is_sent(payload: str) -> None:
    bus = Bus()
    result = run(bus, "publish", "order.placed", payload)
    assert result.exit_code == 2
    assert not bus.requests


def test_lists_are_tables_or_lines_of_json() -> None:
    bus = Bus(**{"GET /events": {"items": [EVENT, EVENT | {"id": "order-2"}], "next_cursor": None}})
    table = run(bus, "events", "list", "--type", "order.*")
    assert "order-1" in table.output
    assert "TIMESTAMP" in table.output
    lines = run(bus, "--json", "events", "list").stdout.splitlines()
    assert [json.loads(each)["id"] for each in lines] == ["order-1", "order-2"]
    assert bus.requests[0].url.params["type"] == "order.*"


def test_a_list_ends_where_it_was_told_to() -> None:
    bus = Bus(**{"GET /events": {"items": [EVENT] * 3, "next_cursor": "more"}})
    lines = run(bus, "--json", "events", "list", "--limit", "5").stdout.splitlines()
    assert len(lines) == 5
    assert len(bus.requests) == 2


@pytest.mark.parametrize(
    ("status", "code"), [(401, 3), (403, 3), (404, 4), (409, 5), (422, 1), (400, 1)]
)
def test_refusals_have_exit_codes(status: int, code: int) -> None:
    refusal = httpx.Response(status, json={"title": "No", "detail": "why", "status": status})
    assert exit_code(Bus(**{"GET /events/x": refusal}), "events", "get", "x") == code


def test_wrong_members_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    document = {
        "type": "urn:event-bus:problem:invalid-request",
        "title": "The request is not valid",
        "detail": "/type: is wrong",
        "errors": [{"pointer": "/type", "detail": "is [bold]wrong[/bold]"}],
        "request_id": "r-1",
    }
    bus = Bus(**{"POST /events": httpx.Response(422, json=document)})
    assert exit_code(bus, "publish", "Order placed") == 1
    shown = capsys.readouterr().err
    assert "/type: is [bold]wrong[/bold]" in shown
    assert "r-1" in shown


def test_retrying_all_of_a_subscription_may_be_tried_first() -> None:
    letters = {"items": [{"id": "dl_1"}, {"id": "dl_2"}], "next_cursor": None}
    bus = Bus(
        **{
            "GET /dead-letters": letters,
            "POST /dead-letters/dl_1/retry": {},
            "POST /dead-letters/dl_2/retry": {},
        }
    )
    tried = run(bus, "dead-letters", "retry", "--subscription", "sub_1", "--dry-run")
    assert "would retry dl_2" in tried.output
    assert {each.method for each in bus.requests} == {"GET"}
    done = run(bus, "dead-letters", "retry", "--subscription", "sub_1")
    assert "2 dead letters" in done.output
    assert [each.url.path for each in bus.requests if each.method == "POST"] == [
        "/dead-letters/dl_1/retry",
        "/dead-letters/dl_2/retry",
    ]
    assert run(bus, "dead-letters", "retry").exit_code == 2


def test_what_cannot_be_undone_is_asked_first() -> None:
    bus = Bus(**{"DELETE /subscriptions/sub_1": httpx.Response(204)})
    assert run(bus, "subscriptions", "delete", "sub_1", input="n\n").exit_code == 1
    assert not bus.requests
    assert run(bus, "subscriptions", "delete", "sub_1", "--yes").exit_code == 0
    assert len(bus.requests) == 1


def test_a_login_is_tried_and_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kept" / "config.toml"
    monkeypatch.setenv("EVENT_BUS_CONFIG", str(file))
    bus = Bus(**{"GET /events": {"items": [], "next_cursor": None}})
    state = State(transport=httpx.MockTransport(bus))
    for name in ("staging", 'od"d\u00e9'):
        arguments = ["--profile", name, "login", "--url", "https://b", "--api-key", "ebk_2"]
        result = CliRunner().invoke(app, arguments, obj=state)
        assert result.exit_code == 0, result.output
        assert "ebk_2" not in result.output
    stored = tomllib.loads(file.read_text())
    member = {"url": "https://b", "api_key": "ebk_2"}
    assert stored == {"staging": member, 'od"d\u00e9': member}
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_login_that_is_refused_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    monkeypatch.setenv("EVENT_BUS_CONFIG", str(file))
    refusal = httpx.Response(401, json={"title": "A valid API key is needed"})
    state = State(transport=httpx.MockTransport(Bus(**{"GET /events": refusal})))
    arguments = ["login", "--url", "https://b", "--api-key", "ebk_2"]
    assert CliRunner().invoke(app, arguments, obj=state).exception
    assert not file.exists()


def test_what_listen_forwards_is_signed_like_a_callback() -> None:
    secret = "whsec_" + "A" * 32
    data = json.dumps({name: EVENT[name] for name in ("id", "type", "source", "payload")})
    turn = f'id: 1\ndata: {data[:-1]}, "timestamp": "{AT}", "metadata": {{"a": "b"}}}}\n\n'
    turns = [
        httpx.Response(200, text=turn, headers={"content-type": "text/event-stream"}),
        httpx.Response(403, json={"title": "The test is over"}),
    ]
    posted: list[tuple[dict[str, str], bytes]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            posted.append((dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    state = State(transport=httpx.MockTransport(lambda _: turns.pop(0)))
    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        arguments = ["--url", "https://b", "listen", "-t", "order.*", "--secret", secret]
        shown = CliRunner().invoke(app, [*arguments, "--forward-to", url], obj=state)
        server.shutdown()
    [(headers, body)] = posted
    lower = {name.lower(): value for name, value in headers.items()}
    assert Reference(secret).verify(body, lower)["payload"] == {"total": 250}
    assert Webhook(secret).verify(headers, body).metadata.model_extra == {"a": "b"}
    assert "order-1 -> 204" in shown.output


def test_a_secret_that_is_none_is_refused_before_anything_is_forwarded() -> None:
    arguments = ("listen", "-t", "order.*", "--secret", "whsec_!", "--forward-to", "http://x")
    assert exit_code(Bus(), *arguments) == 1


def test_every_command_explains_itself() -> None:
    for arguments in ([], ["events"], ["subscriptions"], ["dead-letters"], ["replays"]):
        shown = run(Bus(), *arguments, "--help")
        assert shown.exit_code == 0
        assert "Usage" in shown.output
