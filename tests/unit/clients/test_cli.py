"""The command line, against a bus that answers by a table."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
from event_bus_client import ConfigurationError, Webhook
from event_bus_client.cli.context import State
from event_bus_client.cli.exits import Exit
from event_bus_client.cli.main import app
from standardwebhooks.webhooks import Webhook as Reference
from typer.testing import CliRunner

from tests.http_server import HttpAnswer, HttpRequest, serving
from tests.unit.clients.command_line import AT, EVENT, ScriptedBus, exit_code, run
from website.command_line import commands

LETTER = {
    "id": "dl_1",
    "event_type": "order.placed",
    "subscription_id": "sub_1",
    "status": "exhausted",
    "error": {"code": "timeout", "message": "no answer within 15 s", "timestamp": AT},
    "created_at": AT,
}


def test_an_event_is_published() -> None:
    bus = ScriptedBus(**{"POST /events": EVENT})
    result = run(bus, "publish", "order.placed", '{"total": 250}', "-m", "correlation_id=cart=7")
    assert result.exit_code == 0, result.output
    assert "stored order-1" in result.output
    sent = json.loads(bus.requests[0].content)
    assert sent["payload"] == {"total": 250}
    assert sent["metadata"] == {"correlation_id": "cart=7"}


def test_a_payload_may_come_from_stdin() -> None:
    bus = ScriptedBus(**{"POST /events": EVENT})
    result = run(bus, "--json", "publish", "order.placed", "-", input='{"n": 1}')
    assert json.loads(result.stdout)["id"] == "order-1"
    assert json.loads(bus.requests[0].content)["payload"] == {"n": 1}


@pytest.mark.parametrize("payload", ["{", "[1]", "1", "{'a': 1}"])
def test_a_payload_that_is_no_object_is_refused_before_it_is_sent(payload: str) -> None:
    bus = ScriptedBus()
    result = run(bus, "publish", "order.placed", payload)
    assert result.exit_code == 2
    assert not bus.requests


def test_lists_are_tables_or_lines_of_json() -> None:
    bus = ScriptedBus(
        **{"GET /events": {"items": [EVENT, EVENT | {"id": "order-2"}], "next_cursor": None}}
    )
    table = run(bus, "events", "list", "--type", "order.*")
    assert "order-1" in table.output
    assert "TIMESTAMP" in table.output
    lines = run(bus, "--json", "events", "list").stdout.splitlines()
    assert [json.loads(each)["id"] for each in lines] == ["order-1", "order-2"]
    assert bus.requests[0].url.params["type"] == "order.*"


def test_a_list_ends_where_it_was_told_to() -> None:
    bus = ScriptedBus(**{"GET /events": {"items": [EVENT] * 3, "next_cursor": "more"}})
    lines = run(bus, "--json", "events", "list", "--limit", "5").stdout.splitlines()
    assert len(lines) == 5
    assert len(bus.requests) == 2


@pytest.mark.parametrize(
    ("status", "code"), [(401, 3), (403, 3), (404, 4), (409, 5), (422, 1), (400, 1)]
)
def test_refusals_have_exit_codes(status: int, code: int) -> None:
    refusal = httpx.Response(status, json={"title": "No", "detail": "why", "status": status})
    assert exit_code(ScriptedBus(**{"GET /events/x": refusal}), "events", "get", "x") == code


def test_wrong_members_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    document = {
        "type": "urn:event-bus:problem:invalid-request",
        "title": "The request is not valid",
        "detail": "/type: is wrong",
        "errors": [{"pointer": "/type", "detail": "is [bold]wrong[/bold]"}],
        "request_id": "r-1",
    }
    bus = ScriptedBus(**{"POST /events": httpx.Response(422, json=document)})
    assert exit_code(bus, "publish", "Order placed") == 1
    shown = capsys.readouterr().err
    assert "/type: is [bold]wrong[/bold]" in shown
    assert "r-1" in shown


def test_retrying_all_of_a_subscription_may_be_tried_first() -> None:
    pages = iter([{"retried": 500, "next_cursor": "more"}, {"retried": 2, "next_cursor": None}])

    def letters(request: httpx.Request) -> Any:
        exhausted = request.url.params["status"] == "exhausted"
        return {"items": [LETTER] if exhausted else [], "next_cursor": None}

    bus = ScriptedBus(
        **{"GET /dead-letters": letters, "POST /dead-letters/retry": lambda _: next(pages)}
    )
    tried = run(bus, "dead-letters", "retry", "--subscription", "sub_1", "--dry-run")
    assert "would retry dl_1: order.placed, timeout" in tried.output
    assert not bus.changes
    done = run(bus, "dead-letters", "retry", "--subscription", "sub_1", "--code", "timeout")
    assert "retried 502 dead letters" in done.output
    bodies = [json.loads(each.content) for each in bus.requests if each.method == "POST"]
    filters = {"subscription_id": "sub_1", "error_code": "timeout"}
    assert bodies == [filters, {**filters, "cursor": "more"}]
    assert run(bus, "dead-letters", "retry").exit_code == 2
    assert run(bus, "dead-letters", "retry", "dl_1", "--code", "timeout").exit_code == 2


def test_dead_letters_are_discarded_in_bulk_after_a_question() -> None:
    resolved = httpx.Response(409, json={"title": "Conflict", "detail": "it is resolved"})
    bus = ScriptedBus(
        **{
            "GET /dead-letters": {"items": [LETTER, LETTER | {"id": "dl_2"}], "next_cursor": None},
            "DELETE /dead-letters/dl_1": httpx.Response(204),
            "DELETE /dead-letters/dl_2": resolved,
        }
    )
    arguments = ("dead-letters", "discard", "--code", "timeout", "--since", "2h")
    assert "would discard dl_2" in run(bus, *arguments, "--dry-run").output
    assert run(bus, *arguments, input="n\n").exit_code == 1
    assert not bus.changes
    done = run(bus, *arguments, "--yes")
    assert "discarded 1 dead letter\n" in done.output
    assert "left dl_2: it is resolved" in done.output
    listed = bus.requests[0].url.params
    assert (listed["status"], listed["error_code"]) == ("exhausted", "timeout")
    assert listed["from"].endswith("Z")
    assert json.loads(run(bus, *arguments, "--yes", "--json").stdout) == {"discarded": 1}


def test_a_deletion_asks_for_confirmation() -> None:
    bus = ScriptedBus(**{"DELETE /subscriptions/sub_1": httpx.Response(204)})
    assert run(bus, "subscriptions", "delete", "sub_1", input="n\n").exit_code == 1
    assert not bus.requests
    assert run(bus, "subscriptions", "delete", "sub_1", "--yes").exit_code == 0
    assert len(bus.requests) == 1


def test_a_login_is_tried_and_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kept" / "config.toml"
    monkeypatch.setenv("EVENT_BUS_CONFIG", str(file))
    bus = ScriptedBus(**{"GET /events": {"items": [], "next_cursor": None}})
    state = State(transport=httpx.MockTransport(bus))
    for name in ("staging", 'od"d\u00e9'):
        arguments = [
            *("--profile", name, "login", "--no-keyring"),
            *("--url", "https://b", "--api-key", "ebk_2"),
        ]
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
    state = State(transport=httpx.MockTransport(ScriptedBus(**{"GET /events": refusal})))
    arguments = ["login", "--url", "https://b", "--api-key", "ebk_2"]
    assert CliRunner().invoke(app, arguments, obj=state).exception
    assert not file.exists()


def test_listen_signs_forwarded_events_like_callbacks() -> None:
    secret = "whsec_" + "A" * 32
    data = json.dumps({name: EVENT[name] for name in ("id", "type", "source", "payload")})
    turn = f'id: 1\ndata: {data[:-1]}, "timestamp": "{AT}", "metadata": {{"a": "b"}}}}\n\n'
    turns = [
        httpx.Response(200, text=turn, headers={"content-type": "text/event-stream"}),
        httpx.Response(403, json={"title": "The test is over"}),
    ]
    posted: list[HttpRequest] = []

    def answer(asked: HttpRequest) -> HttpAnswer:
        posted.append(asked)
        return HttpAnswer(204)

    state = State(transport=httpx.MockTransport(lambda _: turns.pop(0)))
    with serving(answer) as url:
        arguments = ["--url", "https://b", "listen", "-t", "order.*", "--secret", secret]
        shown = CliRunner().invoke(app, [*arguments, "--forward-to", f"{url}/hook"], obj=state)
    [asked] = posted
    assert Reference(secret).verify(asked.body, asked.headers)["payload"] == {"total": 250}
    verified = Webhook(secret).verify(asked.headers, asked.body)
    assert verified.metadata.model_extra == {"a": "b"}
    assert "order-1 -> 204" in shown.output


def test_a_secret_that_is_none_is_refused_before_anything_is_forwarded() -> None:
    arguments = ("listen", "-t", "order.*", "--secret", "whsec_!", "--forward-to", "http://x")
    assert exit_code(ScriptedBus(), *arguments) == 1


@pytest.mark.parametrize("names", [names for names, _ in commands()], ids=" ".join)
def test_every_command_explains_itself_by_an_example(names: tuple[str, ...]) -> None:
    shown = run(ScriptedBus(), *names, "--help")
    assert shown.exit_code == 0
    said = " ".join(shown.output.split())
    assert re.search(rf"Example: event-bus (--\S+ \S+ )?{' '.join(names)}\b", said), said


def test_json_may_be_asked_for_after_the_command() -> None:
    bus = ScriptedBus(**{"GET /events/order-1": EVENT, "POST /events": EVENT})
    before = run(bus, "--json", "events", "get", "order-1").stdout
    assert run(bus, "events", "get", "order-1", "--json").stdout == before
    assert before.count("\n") == 1
    # What follows -- is never an option.
    assert run(bus, "publish", "order.placed", "--", "--json").exit_code == 2


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "-1e999"])
def test_a_number_that_cannot_be_sent_is_refused(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bus = ScriptedBus()
    assert exit_code(bus, "publish", "order.placed", f'{{"total": {number}}}') == 2
    assert number in capsys.readouterr().err
    assert bus.requests == []


def test_the_exit_codes_are_those_that_are_documented() -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/use-the-command-line.md").read_text()
    shown = re.findall(r"^\| (\d+) \| .+ \|$", page, re.MULTILINE)
    assert [int(code) for code in shown] == list(Exit)


def test_colours_are_left_out_where_they_do_not_help(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = ScriptedBus(**{"GET /events/order-1": EVENT})
    assert "\x1b[" not in run(bus, "events", "get", "order-1").output
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in run(bus, "events", "get", "order-1").output
    monkeypatch.setenv("NO_COLOR", "1")
    # Bold and italic are no colours.
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", run(bus, "events", "get", "order-1").output)


def test_a_failure_says_what_to_do_next(capsys: pytest.CaptureFixture[str]) -> None:
    refusal = httpx.Response(401, json={"title": "A valid API key is needed", "status": 401})
    assert exit_code(ScriptedBus(**{"GET /events/x": refusal}), "events", "get", "x") == 3
    assert "event-bus login" in capsys.readouterr().err


def test_outside_of_the_project_there_is_no_bus_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="install the distribution event-bus"):
        CliRunner().invoke(app, ["local", "down"], catch_exceptions=False)


def test_a_file_gets_each_item_on_a_line_with_its_whole_id() -> None:
    name = f"evt_{'X' * 90}"
    found = {**EVENT, "id": name}
    bus = ScriptedBus(**{"GET /events": {"items": [found], "next_cursor": None}})
    assert len(run(bus, "events", "list").stdout.splitlines()) == 2
    narrow = run(bus, "events", "list", env={"COLUMNS": "40"}).stdout
    assert name[:30] in narrow


def test_the_status_is_a_table_of_checks() -> None:
    check = {"status": "fail", "observedValue": 7, "observedUnit": "messages"}
    bus = ScriptedBus(**{"GET /health/ready": {"status": "warn", "checks": {"http-lane": check}}})
    shown = run(bus, "status").stdout
    assert re.search(r"http-lane +fail +7 messages", shown)
    assert "The bus: warn\n" in shown


def test_the_status_names_the_version_of_the_bus() -> None:
    health = {"status": "pass", "version": "1", "releaseId": "1.20.3", "checks": {}}
    shown = run(ScriptedBus(**{"GET /health/ready": health}), "status").stdout
    assert "The bus: pass, version 1.20.3\n" in shown
