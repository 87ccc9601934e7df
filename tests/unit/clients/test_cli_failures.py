"""Failures as JSON: problem details on stderr, and nothing on stdout."""

import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.clients.command_line import ScriptedBus, exit_code
from tests.unit.clients.registry import RegistryBus

REFUSAL = {
    "type": "urn:event-bus:problem:version-conflict",
    "title": "The stream has another version",
    "status": 409,
    "detail": "It has the version 7.",
    "actual_version": 7,
}
USAGE = "urn:event-bus:command-line:usage"


def refused(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(409, json=REFUSAL)


def unreachable(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def failed(capsys: pytest.CaptureFixture[str], bus: ScriptedBus, *arguments: str) -> dict[str, Any]:
    """The problem details of a command that fails."""
    code = exit_code(bus, *arguments)
    shown = capsys.readouterr()
    assert shown.out == ""
    [line] = shown.err.splitlines()
    document: dict[str, Any] = json.loads(line)
    assert document["exit_code"] == code
    assert document["title"]
    return document


@pytest.mark.parametrize(
    "arguments", [("--json", "events", "get", "x"), ("events", "get", "x", "--json")]
)
def test_a_refusal_is_what_the_bus_answered(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    shown = failed(capsys, ScriptedBus(**{"GET /events/x": refused}), *arguments)
    assert {name: shown[name] for name in REFUSAL} == REFUSAL
    assert (shown["exit_code"], "hint" in shown) == (5, True)


def test_an_answer_that_is_no_problem_becomes_one(capsys: pytest.CaptureFixture[str]) -> None:
    gateway = httpx.Response(403, json={"message": "Forbidden"}, headers={"apigw-requestid": "r1"})
    shown = failed(
        capsys, ScriptedBus(**{"GET /events/x": gateway}), "events", "get", "x", "--json"
    )
    assert (shown["type"], shown["title"], shown["status"]) == ("about:blank", "Forbidden", 403)
    assert (shown["request_id"], shown["exit_code"]) == ("r1", 3)


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [
        (("events", "gte", "x"), "usage", 2),
        (("events", "get"), "usage", 2),
        (("events", "list", "--limit", "many"), "usage", 2),
        (("--no-such-option", "status"), "usage", 2),
        (("publish", "order.placed", "{"), "usage", 2),
        (("subscriptions", "create", "order.*"), "usage", 2),
        (("apply", "--file", "/no/such/file"), "usage", 2),
        (("--profile", "none", "events", "get", "x"), "configuration", 3),
    ],
)
def test_a_failure_without_an_answer_has_a_type_of_its_own(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], kind: str, code: int
) -> None:
    shown = failed(capsys, ScriptedBus(), "--json", *arguments)
    assert shown["type"] == f"urn:event-bus:command-line:{kind}"
    assert shown["detail"]
    assert shown["exit_code"] == code


def test_a_question_that_nobody_answers_is_on_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert exit_code(ScriptedBus(), "--json", "keys", "revoke", "shop", "ebk_1") == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Revoke ebk_1?" in shown.err
    assert json.loads(shown.err.splitlines()[-1])["type"].endswith(":failed")


def test_a_bus_that_does_not_answer_is_unreachable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_bus_client._sync.transport.sleep", lambda _: None)
    shown = failed(
        capsys, ScriptedBus(**{"GET /events/x": unreachable}), "--json", "events", "get", "x"
    )
    assert (shown["type"], shown["exit_code"]) == ("urn:event-bus:command-line:unreachable", 6)


def test_each_fault_of_a_file_has_its_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "bus.yaml"
    file.write_text("publishers:\n  shop: {event_types: [order.*, order.*}\n")
    shown = failed(capsys, ScriptedBus(), "--json", "apply", "--file", str(file))
    assert (shown["type"], shown["exit_code"]) == (USAGE, 2)
    assert [each["line"] for each in shown["errors"]] == [2]


def test_a_type_of_target_that_is_not_known_names_those_that_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "bus.yaml"
    file.write_text("subscriptions:\n  a.b: {event_types: [a.b], target: {type: pulll}}\n")
    shown = failed(capsys, RegistryBus(), "--json", "apply", "--file", str(file))
    [fault] = shown["errors"]
    assert fault["pointer"] == "/subscriptions/a.b/target/type"
    assert "http, sqs" in fault["detail"]
    assert "pull, " in fault["detail"]


def test_a_single_fault_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    fault = {"pointer": "/callback_url", "detail": "must begin with https://"}
    document = {**REFUSAL, "detail": "/callback_url: must begin with https://", "errors": [fault]}
    bus = ScriptedBus(**{"POST /subscriptions": httpx.Response(422, json=document)})
    assert exit_code(bus, "subscriptions", "create", "a.b", "--url", "ftp://x") == 5
    shown = capsys.readouterr().err
    assert shown.count("must begin with") == 1
    assert "--url: must begin" in shown
