"""A bus that answers every request as its OpenAPI document describes it."""

import re
from typing import Any

import httpx
import orjson
from event_bus.api.description import DOCUMENT

from tests.unit.clients.command_line import ScriptedBus

_TEXT = DOCUMENT.read_bytes()
OPENAPI = orjson.loads(_TEXT)
VALUES: dict[str, Any] = {"string": "x", "integer": 1, "number": 1.0, "boolean": True, "null": None}
AT = "2026-05-01T12:00:00.120Z"


def openapi_answer() -> httpx.Response:
    """Returns the answer of a bus with its OpenAPI document, which is not written anew."""
    return httpx.Response(200, content=_TEXT, headers={"content-type": "application/json"})


def sample(schema: dict[str, Any]) -> Any:
    """A value of a schema, with every member."""
    if "$ref" in schema:
        return sample(OPENAPI["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for alternatives in ("anyOf", "oneOf"):
        if alternatives in schema:
            return sample(next(each for each in schema[alternatives] if each != {"type": "null"}))
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        return [sample(schema["items"])]
    if kind == "object":
        return {name: sample(each) for name, each in schema.get("properties", {}).items()}
    return AT if schema.get("format") == "date-time" else VALUES[kind]


def answered(request: httpx.Request) -> httpx.Response:
    """The first success that the OpenAPI document describes for a request."""
    for template, operations in OPENAPI["paths"].items():
        operation = operations.get(request.method.lower())
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if operation and re.fullmatch(pattern, request.url.path):
            status = min(each for each in operation["responses"] if each.startswith("2"))
            described = operation["responses"][status].get("content")
            if described is None:
                return httpx.Response(int(status))
            document = sample(next(iter(described.values()))["schema"])
            if "next_cursor" in document:
                document["next_cursor"] = None
            return httpx.Response(int(status), json=document)
    raise AssertionError(f"{request.method} {request.url.path}")


class Described(ScriptedBus):
    """A bus that answers what the OpenAPI document describes."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return answered(request)
