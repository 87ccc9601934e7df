"""Generates the page of all operations from OpenAPI: `python -m website.operations`."""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from event_bus.api.openapi import read_document

Json = dict[str, Any]

_METHODS = ("get", "post", "put", "patch", "delete")
_FORMATS = {"date-time": "timestamp", "date": "date", "uri": "URL"}
_RANGES = (
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
    ("minimum", "from {}"),
    ("exclusiveMinimum", "above {}"),
    ("maximum", "up to {}"),
)
_NOT_EMPTY = (("minLength", 1), ("minItems", 1))


def operations_page(document: Json) -> str:
    """Returns a page of Markdown: each operation below its tag, then each schema."""
    lines = [
        "# Every operation",
        "",
        "Each operation, with its parameters, bodies and answers. This page is made from the same "
        "description that `GET /openapi.json` answers.",
    ]
    for tag in document["tags"]:
        lines += ["", f"## {tag['name']}", "", tag["description"]]
        for method, path, operation in _operations(document):
            if tag["name"] in operation["tags"]:
                lines += _operation(document, method, path, operation)
        for name, item in document.get("webhooks", {}).items():
            for method, operation in item.items():
                if tag["name"] in operation["tags"]:
                    lines += ("", f"### {method.upper()} to an endpoint: {name}", "")
                    lines += (operation["summary"], *_exchange(document, operation))
    lines += ["", "## Schemas"]
    for name, schema in sorted(document["components"]["schemas"].items()):
        lines += _schema(document, name, schema)
    return "\n".join(lines) + "\n"


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield method, path, item[method]


def _operation(document: Json, method: str, path: str, operation: Json) -> Iterator[str]:
    yield from ("", f"### {method.upper()} {path}", "", operation["summary"])
    if operation.get("description"):
        yield from ("", operation["description"])
    scope, key = operation.get("x-scope"), " of an admin key" if operation.get("x-admin") else ""
    yield from ("", f"Scope: `{scope}`{key}." if scope else "No key is needed.")
    yield from _exchange(document, operation)


def _exchange(document: Json, operation: Json) -> Iterator[str]:
    """Yields the parameters, the bodies and the answers of an operation."""
    if operation.get("parameters"):
        yield from ("", "| Parameter | In | Type | Meaning |", "|---|---|---|---|")
        for parameter in operation["parameters"]:
            name = f"`{parameter['name']}`" + (" (required)" if parameter.get("required") else "")
            schema = parameter["schema"]
            meaning = _meaning(document, {**schema, "description": parameter.get("description")})
            yield f"| {name} | {parameter['in']} | {_type(schema)} | {meaning} |"
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield from ("", f"Body (`{media}`): {_type(content['schema'])}")
    yield from ("", "| Status | Meaning | Body |", "|---|---|---|")
    shared = document["components"]["responses"]
    for status, described in operation["responses"].items():
        response = shared[_name(described)] if "$ref" in described else described
        bodies = ", ".join(
            f"{_type(content['schema'])} as `{media}`" if "schema" in content else f"`{media}`"
            for media, content in response.get("content", {}).items()
        )
        yield f"| {status} | {_cell(response['description'])} | {bodies} |"


def _schema(document: Json, name: str, schema: Json) -> Iterator[str]:
    yield from ("", f"### {name}")
    if schema.get("description"):
        yield from ("", schema["description"])
    if "properties" not in schema:
        yield from ("", f"Type: {_type(schema)}")
        return
    required = schema.get("required", [])
    yield from ("", "| Member | Type | Meaning |", "|---|---|---|")
    for member, value in schema["properties"].items():
        shown = f"`{member}`" + (" (required)" if member in required else "")
        yield f"| {shown} | {_type(value)} | {_meaning(document, value)} |"


def _meaning(document: Json, value: Json) -> str:
    """Returns the description of a member or parameter, or of the schema that it refers to."""
    said = value.get("description")
    if not said and "$ref" in value:
        said = document["components"]["schemas"][_name(value)].get("description")
    default = value.get("default")
    shown = f"Default: `{json.dumps(default)}`." if default is not None else ""
    return _cell(f"{said or ''} {shown}".strip())


def _name(reference: Json) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _type(schema: Json) -> str:
    """Returns the type of a value in a few words, with links to the schemas it names."""
    if "$ref" in schema:
        return f"[{_name(schema)}](#{_name(schema).lower()})"
    for combined in ("anyOf", "oneOf", "allOf"):
        if combined in schema:
            parts = dict.fromkeys(_type(each) for each in schema[combined])
            return (" and " if combined == "allOf" else " or ").join(parts)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    found = schema.get("type", "any value")
    kinds: list[str] = found if isinstance(found, list) else [found]
    named = {"string": _FORMATS.get(schema.get("format", ""), "string")}
    if schema.get("items"):
        named["array"] = f"list of {_type(schema['items'])}"
    kind = " or ".join(named.get(each, each) for each in kinds)
    bounds = [
        "not empty" if (key, schema[key]) in _NOT_EMPTY else words.format(schema[key])
        for key, words in _RANGES
        if key in schema
    ]
    return f"{kind} ({', '.join(bounds)})" if bounds else str(kind)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(operations_page(read_document()))
