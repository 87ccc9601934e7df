"""The AsyncAPI document is valid by the official JSON Schema of AsyncAPI 3.0.0.

`asyncapi-3.0.0.json` is `schemas/3.0.0.json` of the npm package `@asyncapi/specs` 6.11.1
(Apache-2.0), without white space.
"""

from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
from event_bus.api import asyncapi
from event_bus.api.asyncapi import asyncapi_document
from event_bus.model.schemas import SchemaVersion, TypeSchemas
from event_bus.registry.event_types import EventType

from tests.builders import publisher

NOW = "2026-05-01T12:00:00.000Z"
MONEY = {
    "$id": "https://example.com/order",
    "$defs": {
        "money": {"type": "object", "properties": {"cents": {"type": "integer"}}},
        "line": {"properties": {"price": {"$ref": "#/$defs/money"}, "parts": {"$ref": "#"}}},
    },
    "type": "object",
    "properties": {
        "total": {"$ref": "#/$defs/money"},
        "lines": {"items": {"$ref": "#/$defs/line"}},
    },
}


def described(name: str, schema: Any = None) -> tuple[EventType, SchemaVersion | None]:
    schemas = TypeSchemas(name, "shop", NOW, NOW, description="What happened.")
    found = EventType(name, schemas if schema is not None else None, [publisher("shop", name)], [])
    return found, None if schema is None else SchemaVersion(name, 1, schema)


@pytest.fixture(scope="module")
def official() -> jsonschema_rs.Draft7Validator:
    text = Path(__file__).with_name("asyncapi-3.0.0.json").read_bytes()
    return jsonschema_rs.Draft7Validator(orjson.loads(text), offline=True)


DOCUMENT = asyncapi_document(
    [described("order.placed", MONEY), described("order.paid"), described("a.b", True)],
    "https://bus.example.com/stage",
)


def test_the_document_is_valid(official: jsonschema_rs.Draft7Validator) -> None:
    assert [str(each) for each in official.iter_errors(DOCUMENT)] == []
    broken = {**DOCUMENT, "channels": {"order.placed": {"address": 5}}}
    assert not official.is_valid(broken)


def test_its_server_is_the_bus_that_was_asked() -> None:
    assert DOCUMENT["servers"]["bus"] == {
        "host": "bus.example.com",
        "pathname": "/stage",
        "protocol": "https",
    }


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [each for member in value.values() for each in references(member)]
    if isinstance(value, list):
        return [each for member in value for each in references(member)]
    return []


def test_every_reference_leads_somewhere() -> None:
    found = references(DOCUMENT)
    assert any(each.endswith("/payload/$defs/money") for each in found)
    for reference in found:
        value = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            value = value[part]
        assert value


def test_schemas_beyond_the_bound_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncapi, "MAX_SCHEMA_BYTES", 50)
    document = asyncapi_document([described("order.placed", MONEY)], "https://bus.example.com")

    payload = document["components"]["messages"]["order.placed"]["payload"]["properties"]["payload"]
    assert payload == {"type": "object"}
