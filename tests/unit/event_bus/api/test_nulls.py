"""The description of the API permits null where requests do, and nowhere else."""

from collections.abc import Iterator
from typing import Any

import pytest
from event_bus.api.openapi import read_document
from event_bus.api.operations.registry import OPERATIONS
from event_bus.errors import InvalidRequest
from event_bus.requests.validation import RequestModel, members_of, read

SCHEMAS = read_document()["components"]["schemas"]
assert OPERATIONS, "it imports every model"


def models(base: type[RequestModel] = RequestModel) -> Iterator[type[RequestModel]]:
    """The described models of requests."""
    for model in base.__subclasses__():
        if model.__name__ in SCHEMAS:
            yield model
        yield from models(model)


def faults(model: type[RequestModel], body: Any) -> set[tuple[str, str]]:
    """Where and why a body is refused; of a change, also by what applies it."""
    try:
        change = read(model, body)
        if model.__name__.endswith("Change") and model.nullable is not None:
            members_of(change, model.nullable)
    except InvalidRequest as refused:
        return {(fault.pointer, fault.detail) for fault in refused.faults}
    return set()


def takes_null(described: dict[str, Any]) -> bool:
    """Whether the schema of a member permits null."""
    kind = described.get("type")
    return (
        "null" in kind if isinstance(kind, list) else {"type": "null"} in described.get("anyOf", [])
    )


CASES = [
    pytest.param(model, name, id=f"{model.__name__}.{name}")
    for model in dict.fromkeys(models())
    for name, described in SCHEMAS[model.__name__].get("properties", {}).items()
    if {"type", "anyOf", "$ref"} & described.keys()
]


@pytest.mark.parametrize(("model", "name"), CASES)
def test_null_is_described_where_it_is_accepted(model: type[RequestModel], name: str) -> None:
    described = SCHEMAS[model.__name__]["properties"][name]
    absent, null = faults(model, {}), faults(model, {name: None})
    refused = {at for at, _ in null - absent} & {f"/{name}"}
    required = name in SCHEMAS[model.__name__].get("required", [])
    assert takes_null(described) is not (bool(refused) or required)
