"""The pages name every parameter of the API, and every member of its requests and answers."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from event_bus.api.openapi import read_document
from event_bus.api.operations.registry import OPERATIONS

from tests.unit.docs.pages import DOCS

DOCUMENT = read_document()
SCHEMAS = DOCUMENT["components"]["schemas"]
_NAMED = re.compile(r'[`"?&]([\w.\[\]-]+)(?=[`"=:])')


@cache
def named() -> frozenset[str]:
    """The names on the reference pages and in the guides: as code, in samples and in URLs."""
    pages = [*(DOCS / "reference").rglob("*.md"), *(DOCS / "how-to").glob("*.md")]
    found = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    return frozenset(
        part.lower()
        for name in _NAMED.findall(found)
        for part in [name, *re.split(r"[.\[\]]+", name)]
    )


def members(schema: Any, seen: set[str]) -> Iterator[str]:
    """The members of a schema, and of those that it names."""
    if isinstance(schema, list):
        for each in schema:
            yield from members(each, seen)
    elif isinstance(schema, dict):
        name = schema.get("$ref", "").rpartition("/")[2]
        if name in SCHEMAS and name not in seen:
            seen.add(name)
            yield from SCHEMAS[name].get("properties", {})
            yield from members(SCHEMAS[name], seen)
        for key, each in schema.items():
            if key not in ("default", "description", "examples"):
                yield from members(each, seen)


@pytest.mark.parametrize("key", [each.key for each in OPERATIONS])
def test_the_pages_name_what_an_operation_takes_and_answers(key: str) -> None:
    method, _, path = key.partition(" ")
    operation = DOCUMENT["paths"][path][method.lower()]
    bodies = [operation.get("requestBody"), *operation["responses"].values()]
    parameters = {
        each["name"]
        for each in operation.get("parameters", [])
        if each["in"] != "path" and each["schema"].get("type") != "object"
    }
    wanted = parameters | set(members(bodies, set()))
    assert {name for name in wanted if name.lower() not in named()} == set()


def test_a_member_that_no_page_names_is_found() -> None:
    assert "stream_id" in named()
    assert "stream_identity" not in named()
    assert {"stream_id", "expected_version"} <= set(
        members({"$ref": "#/components/schemas/StreamAppend"}, set())
    )
