"""The description of the API is of the API as it is."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import jsonschema_rs
import orjson
import pytest
from event_bus.api.description import DOCUMENT, describe
from event_bus.api.documents.bus_events import schema_name
from event_bus.api.examples import EXAMPLES
from event_bus.api.openapi import read_document
from event_bus.api.operation import Operation
from event_bus.api.operations.registry import OPERATIONS
from event_bus.api.schemas import schemas_of
from event_bus.model.bus_events import BUS_EVENT_TYPES, BusEventType
from event_bus.requests.validation import RequestModel, read
from openapi_spec_validator import validate
from pydantic import Field
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR
from typing_extensions import TypedDict

from tests.builders import submission
from tests.request_models import REQUESTS

DESCRIBED = orjson.loads(orjson.dumps(describe()))


def operation(route: Operation) -> dict[str, Any]:
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
    # It also looks at references, parameters of paths, and names of operations.
    validate(DESCRIBED)


def test_every_route_is_described_and_no_other() -> None:
    described = {
        f"{method.upper()} {path}"
        for path, methods in DESCRIBED["paths"].items()
        for method in methods
    }
    assert described == {route.key for route in OPERATIONS}


def test_no_two_operations_share_a_name() -> None:
    names = [operation(route)["operationId"] for route in OPERATIONS]
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


@pytest.mark.parametrize("name", sorted(DESCRIBED["components"]["schemas"]))
def test_every_member_is_described(name: str) -> None:
    schemas = DESCRIBED["components"]["schemas"]
    for member, described in schemas[name].get("properties", {}).items():
        named = described.get("$ref", "").rpartition("/")[2]
        assert described.get("description") or schemas[named]["description"], member


def test_every_parameter_is_described() -> None:
    for route in OPERATIONS:
        for parameter in operation(route).get("parameters", []):
            assert parameter["description"], (route.key, parameter["name"])


def test_members_are_described_by_the_docstrings_of_a_model_and_its_bases() -> None:
    class Base(TypedDict):
        """A base.

        Attributes:
            first: The first
                member.
            second: The second member.
        """

        first: str
        second: Annotated[str, Field(description="Described in place.")]

    class Described(Base):
        """What is described.

        Attributes:
            third: The third member: an object.
        """

        third: dict[str, str]

    class Sent(RequestModel):
        """What is sent.

        Attributes:
            since: The beginning.
        """

        since: Annotated[str, Field(alias="from")]

    made = schemas_of([Described, Sent])[1]
    assert {
        name: member["description"] for name, member in made["Described"]["properties"].items()
    } == {
        "first": "The first member.",
        "second": "Described in place.",
        "third": "The third member: an object.",
    }
    assert made["Described"]["description"] == "What is described."
    assert made["Sent"]["properties"]["from"]["description"] == "The beginning."


@pytest.mark.parametrize("event", BUS_EVENT_TYPES, ids=lambda each: str(each.type))
def test_an_event_of_the_bus_needs_no_enrichment(event: BusEventType) -> None:
    required = DESCRIBED["components"]["schemas"][schema_name(event)]["required"]
    assert sorted(required) == ["id", "metadata", "payload", "source", "timestamp", "type"]


def test_a_parameter_of_a_path_is_described() -> None:
    for route in OPERATIONS:
        named = [
            each["name"]
            for each in operation(route).get("parameters", [])
            if each["in"] == "path" and each["required"]
        ]
        assert named == re.findall(r"{(.*?)}", route.path)


def test_public_operations_ask_for_no_key_and_all_others_do() -> None:
    assert DESCRIBED["security"]
    for route in OPERATIONS:
        described = operation(route)
        assert (described.get("security") == []) is route.public
        assert ("401" in described["responses"]) is not route.public


def resolved(response: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in response:
        return response
    name = response["$ref"].rpartition("/")[2]
    found: dict[str, Any] = DESCRIBED["components"]["responses"][name]
    return found


def test_every_refusal_is_a_problem() -> None:
    for route in OPERATIONS:
        for status, response in operation(route)["responses"].items():
            content = resolved(response).get("content", {})
            if "application/problem+json" in content:
                assert 400 <= int(status) < 600
            else:
                assert int(status) < 400 or "application/health+json" in content


def test_a_retryable_refusal_has_retry_after() -> None:
    for route in OPERATIONS:
        if route.public:
            continue
        for status in ("429", "503"):
            assert "Retry-After" in resolved(operation(route)["responses"][status])["headers"]


def test_an_answer_to_a_key_shows_what_is_left_of_its_quota() -> None:
    for route in OPERATIONS:
        for status in route.answers:
            headers = operation(route)["responses"][str(status)].get("headers", {})
            assert ({"RateLimit", "RateLimit-Policy"} <= set(headers)) is not route.public
            assert ("Location" in headers) is (status in route.located)
            assert ("Idempotent-Replayed" in headers) is route.creates


def test_only_creating_operations_take_an_idempotency_key() -> None:
    for route in OPERATIONS:
        names = [each["name"] for each in operation(route).get("parameters", [])]
        assert ("Idempotency-Key" in names) is route.creates


def test_every_operation_has_a_described_tag_and_every_tag_operations() -> None:
    described = [each["name"] for each in DESCRIBED["tags"]]
    webhooks = [each for one in DESCRIBED["webhooks"].values() for each in one.values()]
    used = [tag for each in [*map(operation, OPERATIONS), *webhooks] for tag in each["tags"]]
    assert set(used) == set(described)
    assert len(described) == len(set(described))
    assert all(each["description"] for each in DESCRIBED["tags"])


def anonymous(schema: Any, path: str) -> Iterator[str]:
    """Objects and unions inside a schema for which a generator would have to invent a name."""
    if isinstance(schema, dict):
        if path and ("properties" in schema or "discriminator" in schema or "oneOf" in schema):
            yield path
        for name, member in schema.items():
            yield from anonymous(member, f"{path}/{name}")
    elif isinstance(schema, list):
        for place, member in enumerate(schema):
            yield from anonymous(member, f"{path}/{place}")


def test_every_object_and_union_has_a_name() -> None:
    for schema in DESCRIBED["components"]["schemas"].values():
        assert list(anonymous(schema, "")) == []
    assert list(anonymous([DESCRIBED["paths"], DESCRIBED["webhooks"]], "")) == []


@pytest.mark.parametrize("name", ["Target", "TargetRequest"])
def test_the_type_of_a_target_is_its_discriminator(name: str) -> None:
    union = DESCRIBED["components"]["schemas"][name]
    assert union["discriminator"]["propertyName"] == "type"
    mapped = {each["$ref"] for each in union["oneOf"]}
    assert set(union["discriminator"]["mapping"].values()) == mapped
    for kind, reference in union["discriminator"]["mapping"].items():
        found = DESCRIBED["components"]["schemas"][reference.rpartition("/")[2]]
        said = found["properties"]["type"]
        assert kind in ([said["const"]] if "const" in said else said["enum"])


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_is_what_its_schema_says(name: str) -> None:
    assert DESCRIBED["components"]["schemas"][name]["examples"] == [EXAMPLES[name]]
    jsonschema_rs.validator_for(schema(name), validate_formats=True).validate(EXAMPLES[name])


def test_an_examples_request_is_read() -> None:
    for model in REQUESTS:
        if model.__name__ in EXAMPLES:
            read(model, EXAMPLES[model.__name__])


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
