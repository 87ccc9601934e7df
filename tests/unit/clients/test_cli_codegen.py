"""`event-bus codegen python`: packages that publish and parse, and never run foreign code."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from event_bus_client import Event, EventBus, parse
from event_bus_client.cli.codegen import python_modules
from event_bus_client.errors import ConfigurationError
from pydantic import ValidationError

from tests.unit.clients.command_line import AT, ScriptedBus, exit_code, run

SCHEMAS: dict[str, Any] = {
    "order.placed": {
        "type": "object",
        "description": 'Somebody "ordered" \\ """something""".',
        "properties": {
            "total": {"type": "integer", "minimum": 0},
            "class": {"type": "string"},
            "kind": {"enum": ["gift", "own"]},
            "address": {"$ref": "#/$defs/Address"},
        },
        "required": ["total"],
        "additionalProperties": False,
        "$defs": {"Address": {"type": "object", "properties": {"street": {"type": "string"}}}},
    },
    "order.class": None,
    "order-class.x": {"type": "object"},
    "1.import": True,
}


def catalogue(schemas: dict[str, Any]) -> ScriptedBus:
    answers = {f"GET /event-types/{each}": {"schema": schema} for each, schema in schemas.items()}
    items = [{"type": each} for each in schemas]
    return ScriptedBus(**{"GET /event-types": {"items": items, "next_cursor": None}, **answers})


def test_a_package_is_written_that_publishes_and_parses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "generated_events"
    done = run(catalogue(SCHEMAS), "codegen", "python", "--output", str(folder))
    assert done.exit_code == 0, done.output
    monkeypatch.syspath_prepend(str(tmp_path))
    events = importlib.import_module("generated_events")
    sent = ScriptedBus(**{"POST /events": {"id": "e", "type": "x", "source": "s", "timestamp": AT}})
    answer = {"created_at": AT, **sent.answers["POST /events"]}
    sent.answers["POST /events"] = answer
    with EventBus("https://b", "k", transport=httpx.MockTransport(sent)) as bus:
        bus.publish(events.OrderPlaced(total=250, **{"class": "a"}))
    body = json.loads(sent.requests[0].content)
    # What was not set is left out, and members have the names of the schema.
    assert (body["type"], body["payload"]) == ("order.placed", {"total": 250, "class": "a"})
    members = {"id": "e", "source": "s", "timestamp": AT, "payload": {"total": 1, "kind": "own"}}
    read = parse(Event.model_validate({**members, "type": "order.placed"}))
    assert isinstance(read, events.OrderPlaced)
    with pytest.raises(ValidationError):
        events.OrderPlaced(total=-1)
    assert events.OrderClass(anything=1).model_dump() == {"anything": 1}
    assert sorted(events.__all__) == ["OrderClass", "OrderClassX", "OrderPlaced", "_1Import"]
    for name in [each for each in sys.modules if each.startswith("generated_events")]:
        del sys.modules[name]


def test_a_second_run_replaces_the_first_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "events"
    run(catalogue(SCHEMAS), "codegen", "python", "--output", str(folder))
    before = {each.name: each.read_text() for each in folder.iterdir()}
    run(catalogue(SCHEMAS), "codegen", "python", "--output", str(folder))
    assert {each.name: each.read_text() for each in folder.iterdir()} == before
    run(catalogue({"order.placed": None}), "codegen", "python", "--output", str(folder))
    assert {each.name for each in folder.iterdir()} == {"__init__.py", "order_placed.py"}
    (folder / "own.py").write_text("x = 1\n")
    arguments = ("codegen", "python", "--output", str(folder))
    assert exit_code(catalogue(SCHEMAS), *arguments) == 3
    assert (folder / "own.py").read_text() == "x = 1\n"


@pytest.mark.parametrize(
    "schema",
    [
        {"x-python-import": {"module": "os", "name": "system"}},
        {"customTypePath": "os.system"},
        {"x-python-type": "__import__('os').system('true')"},
    ],
)
def test_a_schema_brings_no_code_into_generated_classes(schema: dict[str, Any]) -> None:
    hostile = {"type": "object", "properties": {"a": {"type": "object", **schema}}}
    try:
        modules = python_modules({"order.placed": hostile})
    except ConfigurationError:
        return
    text = "".join(modules.values())
    assert "import os" not in text
    assert "from os" not in text
    assert "__import__(" not in text


@pytest.mark.parametrize(
    "text", ['"""\nimport os\n"""', "\\", "'''", "\r\nimport os", "{__import__('os')}", "\u2028x"]
)
def test_texts_of_a_schema_do_not_become_code(text: str) -> None:
    hostile = {
        "type": "object",
        "title": text,
        "description": text,
        "properties": {"a": {"type": "string", "description": text, "default": text}},
    }
    try:
        modules = python_modules({"order.placed": hostile})
    except ConfigurationError:
        return
    compile(modules["order_placed"], "order_placed", "exec")
