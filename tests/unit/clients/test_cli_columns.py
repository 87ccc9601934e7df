"""Commands read what the API answers, as its OpenAPI document describes it."""

import re
from typing import Any

import httpx
import orjson
import pytest
from event_bus.api.description import DOCUMENT
from event_bus_client.cli.exits import Ended

from tests.unit.clients.command_line import Bus, run

OPENAPI = orjson.loads(DOCUMENT.read_bytes())
LISTS = (
    "events list",
    "subscriptions list",
    "subscriptions explain order-1",
    "publishers list",
    "keys list shop",
    "dead-letters list",
    "replays list",
    "schemas list",
    "schemas versions order.placed",
    "schemas catalogue",
    "streams list",
    "streams events task/1",
    "contexts list customers",
    "reducers list",
    "reducers versions order",
    "read-models list",
    "states task",
)
VALUES: dict[str, Any] = {"string": "x", "integer": 1, "number": 1.0, "boolean": True, "null": None}
AT = "2026-05-01T12:00:00.000Z"


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
    """The answer to a GET as the OpenAPI document describes it."""
    for template, operations in OPENAPI["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if "get" in operations and re.fullmatch(pattern, request.url.path):
            described = operations["get"]["responses"]["200"]["content"]
            document = sample(next(iter(described.values()))["schema"])
            if "next_cursor" in document:
                document["next_cursor"] = None
            return httpx.Response(200, json=document)
    raise AssertionError(request.url.path)


class Described(Bus):
    """A bus that answers what the OpenAPI document describes."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        return answered(request)


@pytest.mark.parametrize("command", LISTS)
def test_every_column_has_a_member(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    result = run(Described(), *command.split())
    assert result.exit_code == 0, result.output
    header, row = result.output.splitlines()[:2]
    cells = re.split(r"\s{2,}", row.strip())
    assert len(cells) == len(re.split(r"\s{2,}", header.strip()))
    assert "-" not in cells, result.output


def test_the_doctor_reads_what_the_api_answers() -> None:
    result = run(Described(), "doctor", "--json")
    assert isinstance(result.exception, Ended), result.output
    found = {each["code"] for each in orjson.loads(result.stdout)["findings"]}
    assert found >= {"failing", "dead_letters"}
