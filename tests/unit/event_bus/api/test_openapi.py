"""The description of the API is of the API as it is."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import orjson
import pytest
from event_bus.api.description import DOCUMENT, describe
from event_bus.api.openapi import read_document
from event_bus.api.routes import ROUTES, Route
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from tests.builders import submission

DESCRIBED = orjson.loads(orjson.dumps(describe()))


def operation(route: Route) -> dict[str, Any]:
    described: dict[str, Any] = DESCRIBED["paths"][route.path][route.method.lower()]
    return described


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def schema(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}", "components": DESCRIBED["components"]}


def test_the_served_document_is_the_described_one() -> None:
    assert orjson.loads(DOCUMENT.read_bytes()) == DESCRIBED == read_document()


def test_the_document_is_what_openapi_3_1_says() -> None:
    OPENAPI_31_VALIDATOR.validate(DESCRIBED)


def test_every_route_is_described_and_no_other() -> None:
    described = {
        f"{method.upper()} {path}"
        for path, methods in DESCRIBED["paths"].items()
        for method in methods
    }
    assert described == {route.key for route in ROUTES}


def test_no_two_operations_share_a_name() -> None:
    names = [operation(route)["operationId"] for route in ROUTES]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DESCRIBED))
    assert found
    for reference in found:
        value = DESCRIBED
        for part in reference.removeprefix("#/").split("/"):
            value = value[part]


@pytest.mark.parametrize("name", sorted(DESCRIBED["components"]["schemas"]))
def test_every_schema_is_a_schema(name: str) -> None:
    jsonschema_rs.meta.validate(DESCRIBED["components"]["schemas"][name])
    jsonschema_rs.validator_for(schema(name))


def test_a_parameter_of_a_path_is_described() -> None:
    for route in ROUTES:
        named = [
            each["name"]
            for each in operation(route).get("parameters", [])
            if each["in"] == "path" and each["required"]
        ]
        assert named == [name for name in ("id", "key_id") if f"{{{name}}}" in route.path]


def test_public_operations_ask_for_no_key_and_all_others_do() -> None:
    assert DESCRIBED["security"]
    for route in ROUTES:
        described = operation(route)
        assert (described.get("security") == []) is route.public
        assert ("401" in described["responses"]) is not route.public


def test_every_refusal_is_a_problem() -> None:
    for route in ROUTES:
        for status, response in operation(route)["responses"].items():
            if "application/problem+json" in response.get("content", {}):
                assert 400 <= int(status) < 500
            else:
                assert int(status) < 400 or "application/health+json" in response["content"]


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        (submission(), True),
        (submission(id="evt_1", source="planner", metadata={"own": "x", "retry_count": 1}), True),
        ({"type": "task.created"}, False),
        (submission(sort="x"), False),
        (submission(payload=[]), False),
        (submission(metadata={"own": 1}), False),
    ],
)
def test_the_described_event_is_the_one_that_is_read(value: Any, valid: bool) -> None:
    assert jsonschema_rs.validator_for(schema("EventSubmission")).is_valid(value) is valid
