"""`event-bus` as a process on the deployed bus: from a file to a repaired delivery."""

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.built import ROOT
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World
from tests.waiting import ending
from website.pictures import FOLDER, VARIABLE, WIDTH, picture, shape

CLIENT = str(ROOT / "clients" / "python" / "src")
SERVICES = ("store", "invoices", "clerks")
FILE = """\
subscribers:
  invoices: {event_types: [sale.*]}
publishers:
  store:
    name: The store
    event_types: [sale.placed, sale.cancelled]
    sensitive: {sale.placed: [/customer]}
    sensitive_readers: [invoices]
    restricted:
      sale.cancelled: [invoices]
schemas:
  sale.placed:
    description: Somebody bought something.
    validation: enforce
    compatibility: full
    schema:
      type: object
      required: [total]
      properties: {total: {type: integer}, customer: {type: string}}
    example: {total: 250}
reducers:
  store/sale: {type: jsonata, expression: '{"count": $sum([state.count, 1])}'}
subscriptions:
  invoices.large-sales:
    name: Large sales
    event_types: [sale.placed]
    filters:
      sale.placed: {total: [{numeric: [">=", 100]}]}
    callback_url: ${INVOICES_URL}
    retry_policy: {max_attempts: 1, timeout: 5}
  invoices.queue:
    event_types: [sale.*]
    target: {type: sqs, managed: true}
    delivery_guarantee: at_most_once
  invoices.inbox:
    event_types: [sale.cancelled, sale.placed]
    target: {type: pull}
    ordered: true
  clerks.socket:
    event_types: [sale.placed]
    target: {type: websocket}
    transform: {format: cloudevents}
  clerks.stream:
    event_types: [sale.placed]
    target: {type: sse}
    transform: {expression: '{"sum": total}'}
    schema_version: 1
  clerks.slowly:
    event_types: [sale.placed]
    callback_url: ${INVOICES_URL}
    transform: {template: {input_template: '{"id": <id>}', input_paths_map: {id: $.id}}}
    retry_policy: {schedule: [5, 60], client_errors: final}
    rate_limit: 2.5
    max_in_flight: 3
"""


COMMANDS = Path(__file__).with_name("forked_commands.py")
COMMAND_SECONDS = 120


@dataclass(frozen=True)
class Done:
    """An ended command."""

    returncode: int
    stdout: str
    stderr: str


@dataclass
class Terminal:
    """Runs `event-bus` as a person does, each command in a process of its own.

    Attributes:
        environment: The environment variables.
        folder: Where it runs.
        commands: The process that starts commands.
    """

    environment: dict[str, str]
    folder: Path
    commands: "subprocess.Popen[str]"
    pictures: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, code: int = 0, key: str | None = None) -> str:
        """Returns what a command prints to stdout; the command must end with a code."""
        done = self._done(arguments, {} if key is None else {"EVENT_BUS_API_KEY": key})
        assert done.returncode == code, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def documents(self, *arguments: str, code: int = 0, key: str | None = None) -> list[Any]:
        """Returns what a command prints as JSON."""
        printed = self.run(*arguments, "--json", code=code, key=key)
        return [json.loads(line) for line in printed.splitlines()]

    def drawn(self, name: str, *arguments: str, code: int = 0, key: str | None = None) -> None:
        """Keeps a picture of a command's output."""
        colours = {"FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "EVENT_BUS_API_KEY": key}
        done = self._done(arguments, {name: each for name, each in colours.items() if each})
        assert done.returncode == code, f"{arguments}: {done.stdout}\n{done.stderr}"
        typed = " ".join(f"'{each}'" if set(each) & set(' *{"') else each for each in arguments)
        self.pictures[name] = picture(f"event-bus {typed}", done.stdout)

    def _done(self, arguments: tuple[str, ...], more: dict[str, str]) -> Done:
        sent, told = self.commands.stdin, self.commands.stdout
        assert sent
        assert told
        with tempfile.TemporaryDirectory() as folder:
            printed = {name: Path(folder, name) for name in ("stdout", "stderr")}
            command = {
                "arguments": arguments,
                "environment": {**self.environment, **more},
                "folder": str(self.folder),
                **{name: str(file) for name, file in printed.items()},
            }
            print(json.dumps(command), file=sent, flush=True)
            assert select.select([told], [], [], COMMAND_SECONDS)[0], f"{arguments} does not end"
            code = int(told.readline())
            return Done(code, **{name: file.read_text() for name, file in printed.items()})


@pytest.fixture(scope="module")
def commands() -> Iterator["subprocess.Popen[str]"]:
    """The process that starts commands."""
    with subprocess.Popen(
        [sys.executable, "-P", str(COMMANDS)],
        env={**os.environ, "PYTHONPATH": CLIENT},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.fixture
def terminal(world: World, tmp_path: Path, commands: "subprocess.Popen[str]") -> Iterator[Terminal]:
    kept = {name: each for name, each in os.environ.items() if not name.startswith("EVENT_BUS")}
    environment = {
        **kept,
        "PYTHONPATH": CLIENT,
        "EVENT_BUS_URL": world.bus.api_url,
        "EVENT_BUS_API_KEY": world.bus.admin_api_key,
        "EVENT_BUS_CONFIG": str(tmp_path / "config.toml"),
    }
    environment.pop("FORCE_COLOR", None)
    yield Terminal(environment, tmp_path, commands)
    admin = world.admin.http
    for service in SERVICES:
        for each in admin.get("/subscriptions", params={"service_id": service}).json()["items"]:
            admin.delete(f"/subscriptions/{each['id']}")
        for each in admin.get("/reducers", params={"source": service}).json()["items"]:
            admin.delete(f"/reducers/{each['category']}", params={"source": service})
        for each in admin.get("/read-models", params={"source": service}).json()["items"]:
            admin.delete(f"/read-models/{each['category']}", params={"source": service})
        admin.delete(f"/subscribers/{service}")
        admin.delete(f"/publishers/{service}")


def test_a_bus_is_described_watched_and_repaired(world: World, terminal: Terminal) -> None:
    works = {"status": 503}
    receiver = world.receiver(lambda _: (works["status"], {}))
    terminal.environment["INVOICES_URL"] = receiver.url
    (terminal.folder / "bus.yaml").write_text(FILE)
    keys = _applied(terminal)
    terminal.run("read-models", "put", "sale", "--index", "count", "--source", "store")
    _compared(terminal)
    _explained(terminal, keys)
    _repaired(terminal, keys["invoices"], works)
    _generated(terminal)
    _removed(terminal, keys["clerks"])
    _folded(terminal)
    _held(terminal.pictures)


def test_listen_forwards_events_from_a_websocket(
    world: World, terminal: Terminal, service: Client, domain: str
) -> None:
    receiver = world.receiver()
    arguments = ("--types", f"{domain}.*", "--forward-to", receiver.url, "--print-secret")
    listening = subprocess.Popen(
        [sys.executable, "-m", "event_bus_client.cli", "listen", *arguments],
        env={
            **terminal.environment,
            "EVENT_BUS_API_KEY": service.key,
            "EVENT_BUS_WEBSOCKET_URL": world.bus.websocket_url,
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert listening.stdout is not None
    with ending(listening, 120):
        try:
            secret = listening.stdout.readline().strip()
            assert "listening over a WebSocket" in listening.stdout.readline()
            event_id = service.publish(f"{domain}.created", {"title": "x"})
            delivered = receiver.wait_for_event(event_id)
            delivered.verify(secret)
            assert delivered.event["payload"] == {"title": "x"}
            assert f"{event_id} -> 204" in listening.stdout.readline()
        finally:
            listening.terminate()
            assert listening.wait(60) == 130
    # It leaves no subscription behind.
    assert terminal.documents("subscriptions", "list", key=service.key) == []


def _applied(terminal: Terminal) -> dict[str, str]:
    """Applies the file; returns the keys of the services."""
    terminal.drawn("apply", "apply", "--file", "bus.yaml", "--check", code=8)
    refused = terminal.run("apply", "--file", "bus.yaml", "--yes", code=2)
    assert refused == ""
    done = terminal.run("apply", "--file", "bus.yaml", "--yes", "--secrets", "secrets")
    assert "10 changes are made." in done
    handed = [json.loads(line) for line in (terminal.folder / "secrets").read_text().splitlines()]
    assert "whsec_" in json.dumps(handed)
    return {
        each["resource"].partition("/")[2].partition(".")[0]: each["api_key"]
        for each in handed
        if "api_key" in each
    }


def _compared(terminal: Terminal) -> None:
    """Neither the applied file nor the exported one differs from the bus."""
    assert "Nothing differs." in terminal.run("apply", "--file", "bus.yaml", "--check")
    exported = terminal.run("export")
    assert yaml.safe_load(exported)["read_models"]["store/sale"] == {"indexes": ["count"]}
    ours = yaml.safe_load(exported)["subscriptions"]
    assert ours["invoices.queue"]["target"] == {"type": "sqs", "managed": True}
    assert ours["clerks.slowly"]["retry_policy"] == {
        "schedule": [5, 60],
        "max_attempts": 3,
        "client_errors": "final",
    }
    (terminal.folder / "whole.yaml").write_text(exported)
    [same] = terminal.documents("apply", "--file", "whole.yaml", "--check", "--prune")
    assert same["changes"] == []
    changed = FILE.replace("max_attempts: 1, ", "max_attempts: 1, disable_after_days: 9, ")
    (terminal.folder / "bus.yaml").write_text(changed.replace("Somebody", "A person"))
    terminal.drawn("diff", "apply", "--file", "bus.yaml", "--check", code=8)
    terminal.run("apply", "--file", "bus.yaml", "--yes")
    terminal.run("apply", "--file", "bus.yaml", "--check")
    (terminal.folder / "bad.yaml").write_text("publishers:\n  store: {event_types: sale.placed}\n")
    terminal.run("apply", "--file", "bad.yaml", code=2)


def _explained(terminal: Terminal, keys: dict[str, str]) -> None:
    """Publishes a large sale and a small one, and explains their deliveries."""
    for number, total in ((1, 250), (2, 20)):
        payload = json.dumps({"total": total})
        sale = f"store:sale-{number}"
        terminal.run("publish", "sale.placed", payload, "--id", sale, key=keys["store"])
    terminal.run("publish", "sale.placed", '{"total": "x"}', code=1, key=keys["store"])
    matches = eventually(
        lambda: _matches(terminal, "store:sale-2") if _routed(terminal, "store:sale-2") else None
    )
    assert matches["invoices.large-sales"]["matched"] is False
    assert matches["invoices.inbox"]["matched"] is True
    terminal.drawn("explain", "subscriptions", "explain", "store:sale-2", key=keys["invoices"])
    test = ("subscriptions", "test", "invoices.large-sales", "--event")
    terminal.run(*test, "store:sale-1", key=keys["invoices"])
    terminal.run(*test, "store:sale-2", code=8, key=keys["invoices"])


def _routed(terminal: Terminal, event_id: str) -> bool:
    return bool(terminal.documents("events", "get", event_id)[0]["processed"])


def _matches(terminal: Terminal, event_id: str) -> dict[str, Any]:
    found = terminal.documents("subscriptions", "explain", event_id)
    return {each["subscription_id"]: each for each in found}


def _repaired(terminal: Terminal, key: str, works: dict[str, int]) -> None:
    """`doctor` names what fails and the commands for it; this runs them."""
    letters = ("dead-letters", "list", "--status", "exhausted")
    [letter] = eventually(lambda: terminal.documents(*letters, key=key))
    [found] = terminal.documents("doctor", code=7, key=key)
    by_code = {each["code"]: each for each in found["findings"]}
    assert by_code.keys() >= {"failing", "dead_letters"}
    terminal.drawn("doctor", "doctor", code=7, key=key)
    works["status"] = 204
    retry = next(each for each in by_code["dead_letters"]["commands"] if "retry" in each).split()
    assert letter["id"] in terminal.run(*retry[1:], key=key)
    terminal.run(*(each for each in retry[1:] if each != "--dry-run"), key=key)
    eventually(lambda: not terminal.documents(*letters, key=key))
    eventually(lambda: terminal._done(("doctor",), {"EVENT_BUS_API_KEY": key}).returncode == 0)
    one = ("replay", "store:sale-1", "--subscription", "invoices.large-sales")
    [replayed] = terminal.documents(*one, key=key)
    assert replayed["state"] == "completed"
    eventually(lambda: terminal.run("events", "trace", "store:sale-1", key=key).count("→") >= 4)


def _generated(terminal: Terminal) -> None:
    """Generates classes from the catalogue."""
    terminal.run("codegen", "python", "--output", "sales", "--type", "sale.placed")
    check = "from sales import SalePlaced; print(SalePlaced(total=250).model_dump_json())"
    done = subprocess.run(
        [sys.executable, "-c", check],
        cwd=terminal.folder,
        env=terminal.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == '{"total":250}\n', done.stderr


def _removed(terminal: Terminal, key: str) -> None:
    """A service removes its subscriptions by a file without them."""
    (terminal.folder / "none.yaml").write_text("subscriptions: {}\n")
    prune = ("apply", "--file", "none.yaml", "--prune")
    assert "0 to create, 0 to change, 3 to remove" in terminal.run(
        *prune, "--check", code=8, key=key
    )
    terminal.run(*prune, "--yes", key=key)
    left = [each["id"] for each in terminal.documents("subscriptions", "list", "--limit", "1000")]
    assert not [each for each in left if each.startswith("clerks.")]


def _folded(terminal: Terminal) -> None:
    """Appends an event to a stream, which changes the state in the read model."""
    events = [{"type": "sale.placed", "payload": {"total": 20}}]
    (terminal.folder / "events.json").write_text(json.dumps(events))
    store = ("--source", "store")
    terminal.run("streams", "append", "sale/1", "events.json", *store)
    [kept] = eventually(lambda: terminal.documents("states", "sale", "count=1", *store))
    assert kept["state"] == {"count": 1}
    [model] = terminal.documents("read-models", "get", "sale", *store)
    assert model["building"] is None


def _held(pictures: dict[str, str]) -> None:
    """Compares the pictures of the docs with this run, or makes them again."""
    for name, drawn in pictures.items():
        file = FOLDER / f"{name}.svg"
        if os.environ.get(VARIABLE) == "new":
            FOLDER.mkdir(parents=True, exist_ok=True)
            file.write_text(drawn)
        assert shape(file.read_text()) == shape(drawn), f"make it anew: {VARIABLE}=new"
