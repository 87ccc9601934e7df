"""Whatever the terminal is and the bus answers, `event-bus` shows no traceback."""

import io
import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from event_bus_client.cli.context import State
from event_bus_client.cli.main import main

from tests.unit.clients.command_line import EVENT, ScriptedBus

NAMED = ("--url", "https://bus.example", "--api-key", "ebk_1")
WIDE = {**EVENT, "id": "order-ä", "payload": {"said": "zwölf € 😀"}}
PAGE = {"items": [WIDE] * 3, "next_cursor": None}
BUS = ScriptedBus(**{"GET /events": PAGE, "GET /events/order-1": WIDE, "GET /health/ready": {}})


class Printed:
    """What a command printed in an encoding."""

    def __init__(self, encoding: str) -> None:
        self.bytes = io.BytesIO()
        self.stream = io.TextIOWrapper(self.bytes, encoding=encoding)

    def text(self) -> str:
        self.stream.flush()
        return self.bytes.getvalue().decode(self.stream.encoding)


def ended(bus: ScriptedBus, *arguments: str) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as code:
        main([*NAMED, *arguments], State(transport=httpx.MockTransport(bus)))
    return int(code.value.code or 0)


COMMANDS = [
    ("events", "list"),
    ("events", "list", "--json"),
    ("events", "get", "order-1"),
    ("events", "get", "order-1", "--json"),
    ("--help",),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_characters_that_an_encoding_lacks_are_escaped(
    monkeypatch: pytest.MonkeyPatch, encoding: str, arguments: tuple[str, ...]
) -> None:
    printed = Printed(encoding)
    monkeypatch.setattr(sys, "stdout", printed.stream)
    assert ended(BUS, *arguments) == 0
    if "--json" in arguments:
        # JSON has escapes of its own.
        shown = [json.loads(line) for line in printed.text().splitlines()]
        assert shown == ([WIDE] if "get" in arguments else [WIDE] * 3)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_failure_is_shown_in_any_encoding(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    printed = Printed("ascii")
    monkeypatch.setattr(sys, "stderr", printed.stream)
    refused = httpx.Response(409, json={"title": "Nö 😀", "status": 409})
    bus = ScriptedBus(**{"GET /events/x": refused})
    assert ended(bus, *options, "events", "get", "x") == 5
    shown = json.loads(printed.text())["title"] if options else printed.text()
    assert ("Nö 😀" if options else "N\\xf6 \\U0001f600") in shown


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A reader of stdout has left."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        yield


@pytest.mark.parametrize("arguments", [*COMMANDS, ("--version",)], ids=" ".join)
@pytest.mark.usefixtures("left")
def test_it_ends_with_0_if_its_reader_leaves(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert ended(BUS, *arguments) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device")
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_disk_that_is_full_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
) -> None:
    with open("/dev/full", "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert ended(BUS, *arguments) == 1
    assert "No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("stdout", ("events", "list"), 0),
        ("stdout", ("--json", "events", "list"), 0),
        ("stderr", ("events", "get", "none"), 4),
        ("stdin", ("publish", "order.placed", "-"), 2),
        ("stdin", ("publishers", "delete", "shop"), 1),
        ("stdin", ("login", "--url", "https://bus.example", "--api-key", "-"), 2),
        ("stdin", ("login", "--url", "https://bus.example"), 1),
    ],
)
def test_a_closed_stream_is_as_an_empty_one(
    monkeypatch: pytest.MonkeyPatch, name: str, arguments: tuple[str, ...], code: int
) -> None:
    monkeypatch.setattr(sys, name, None)
    assert ended(BUS, *arguments) == code
    getattr(sys, name).close()


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_an_answer_that_it_does_not_understand_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
) -> None:
    assert ended(BUS, *options, "status") == 1
    shown = capsys.readouterr().err
    assert "KeyError" in shown
    assert "Traceback" not in shown
    if options:
        document: dict[str, Any] = json.loads(shown)
        assert document["type"] == "urn:event-bus:command-line:failed"
    monkeypatch.setenv("EVENT_BUS_TRACEBACK", "1")
    with pytest.raises(KeyError):
        main([*NAMED, *options, "status"], State(transport=httpx.MockTransport(BUS)))


def test_a_name_that_cannot_be_looked_up_is_not_valid(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as code:
        main(["--url", f"https://{'a' * 70}.example", "status"])
    assert code.value.code == 3
    assert "is not a valid URL" in capsys.readouterr().err


def test_an_argument_that_the_locale_cannot_read_is_utf_8(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = "order-ä€".encode().decode("ascii", "surrogateescape")
    bus = ScriptedBus(**{"GET /events/order-ä€": WIDE})
    assert ended(bus, "--json", "events", "get", asked) == 0
    assert json.loads(capsys.readouterr().out) == WIDE
    for text in (b"order-\xff".decode("ascii", "surrogateescape"), "order-\ud800"):
        assert ended(bus, "events", "get", text) == 2
        assert "is not text in UTF-8" in capsys.readouterr().err


HOSTILE = "\x1b]52;c;cm0=\x07\x9b2J\r\x7f"


@pytest.mark.parametrize("status", [200, 403])
def test_no_answer_controls_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    faults = [{"pointer": f"/{HOSTILE}", "detail": HOSTILE}, {"pointer": "/b", "detail": HOSTILE}]
    listed = {"items": [{**EVENT, "id": HOSTILE, "type": f"a{HOSTILE}b"}], "next_cursor": None}
    refused = {"title": HOSTILE, "detail": HOSTILE, "request_id": HOSTILE, "errors": faults}
    shown = httpx.Response(status, json=listed if status == 200 else refused)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert ended(ScriptedBus(**{"GET /events": shown}), "events", "list") in (0, 3)
    printed = "".join(capsys.readouterr())
    assert "\ufffd]52;c;cm0=\ufffd" in printed.replace("\n", "")
    # Rich adds the colours itself.
    assert not re.search(r"[\x07\x9b\r\x7f]|\x1b(?!\[[0-9;]*m)", printed)
