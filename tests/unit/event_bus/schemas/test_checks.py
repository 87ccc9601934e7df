"""What may be registered as a schema."""

import time
from typing import Any

import pytest
from event_bus.errors import InvalidRequest
from event_bus.schemas.checks import DIALECT, check_schema
from event_bus.schemas.work import checks_of_a_value

TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
        }
    },
    "$ref": "#/$defs/node",
}


def doubled(levels: int) -> dict[str, Any]:
    """A schema of a few hundred bytes that applies 2 to the power of `levels` schemas."""
    definitions: dict[str, Any] = {
        f"d{level}": {"anyOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(levels)
    }
    return {"$defs": {**definitions, f"d{levels}": {"type": "string"}}, "$ref": "#/$defs/d0"}


def chain(links: int) -> dict[str, Any]:
    definitions: dict[str, Any] = {
        f"d{link}": {"$ref": f"#/$defs/d{link + 1}"} for link in range(links)
    }
    return {"$defs": {**definitions, f"d{links}": {}}, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"$schema": DIALECT, "$id": "https://example.com/task", "type": "object"},
        TREE,
        chain(50),
        {"properties": {"a/b~c %": {}, "b": {"$ref": "#/properties/a~1b~0c%20%25"}}},
        {"definitions": {"a": {}}, "$ref": "#/definitions/a"},
        # What looks like a schema in data is none.
        {"const": {"$ref": "https://example.com"}, "examples": [{"$id": 1}]},
    ],
)
def test_a_schema_is_accepted(schema: Any) -> None:
    assert check_schema(schema, "/schema") is schema


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        (5, "/schema"),
        ([], "/schema"),
        ({"type": "strin"}, "/schema/type"),
        ({"properties": {"a": {"minimum": "1"}}}, "/schema/properties/a/minimum"),
        ({"properties": [1]}, "/schema/properties"),
        ({"items": [{}]}, "/schema/items"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/schema/$schema"),
        ({"items": {"$schema": DIALECT}}, "/schema/items/$schema"),
        ({"items": {"$id": "https://example.com"}}, "/schema/items/$id"),
        ({"$dynamicRef": "#node"}, "/schema/$dynamicRef"),
        # Nothing is fetched.
        ({"$ref": "https://example.com/schema.json"}, "/schema/$ref"),
        ({"$ref": "http://169.254.169.254/latest/meta-data"}, "/schema/$ref"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "/schema/items/$ref"),
        ({"$id": "https://example.com/a", "$ref": "b"}, "/schema/$ref"),
        ({"$ref": 5}, "/schema/$ref"),
        ({"$ref": "#/$defs/none"}, "/schema/$ref"),
        # The meta-schema permits it; but no schema stands there.
        ({"examples": [{}], "$ref": "#/examples/0"}, "/schema/$ref"),
        ({"pattern": "(?=a)"}, "/schema/pattern"),
        ({"pattern": r"(a)\1"}, "/schema/pattern"),
        ({"pattern": "("}, "/schema/pattern"),
        ({"pattern": "(a{1000}){1000}"}, "/schema/pattern"),
        ({"pattern": "a" * 513}, "/schema/pattern"),
        ({"patternProperties": {"(": {}}}, "/schema/patternProperties/("),
        ({"description": "a" * 70_000}, "/schema"),
        ({"anyOf": [{}] * 3_000}, "/schema"),
        ({"anyOf": [{"pattern": "a"}] * 101}, "/schema"),
        # Work: of ways through references, and of circles.
        (doubled(30), "/schema/$defs/d22"),
        (chain(500), "/schema/$defs/d100"),
        ({"$ref": "#"}, "/schema"),
        ({"allOf": [{"$ref": "#"}]}, "/schema"),
        ({"properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}}, "/schema/properties/a"),
        (
            {"properties": {"a": {"$ref": "#"}}, "patternProperties": {"^a": {"$ref": "#"}}},
            "/schema/patternProperties/^a",
        ),
    ],
)
def test_a_schema_is_refused_with_its_place(schema: Any, place: str) -> None:
    start = time.process_time()
    with pytest.raises(InvalidRequest) as refusal:
        check_schema(schema, "/schema")

    assert refusal.value.faults[0].pointer == place
    assert time.process_time() - start < 2


def test_a_schema_is_refused_for_its_depth() -> None:
    schema: Any = {}
    for _ in range(30):
        schema = {"items": schema}

    with pytest.raises(InvalidRequest, match="deeper"):
        check_schema(schema, "")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, 1),
        ({"properties": {"a": {}, "b": {"allOf": [{}, {}]}}}, 3),
        ({"properties": {"a": {}}, "patternProperties": {"^a": {}}, "additionalProperties": {}}, 3),
        (doubled(3), 30),
    ],
)
def test_the_schemas_that_apply_to_one_value_are_counted(schema: Any, expected: int) -> None:
    assert checks_of_a_value(schema) == expected
