"""What is made is current: the client without asyncio, and the models of answers."""

import importlib.util
import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import event_bus_client
import orjson
import pytest
from event_bus.api.description import DOCUMENT
from event_bus.errors import Problem
from event_bus_client import commands, errors, explanations, models, states
from pydantic import BaseModel

from tests.unit.clients.described import sample

ROOT = Path(__file__).parents[3]
SCHEMAS: dict[str, Any] = orjson.loads(DOCUMENT.read_bytes())["components"]["schemas"]


def test_the_client_without_asyncio_is_made_from_the_one_with_it() -> None:
    file = ROOT / "clients" / "python" / "unasync.py"
    spec = importlib.util.spec_from_file_location("unasync", file)
    assert spec
    assert spec.loader
    unasync = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(unasync)
    made = {each.name for each in (unasync.PACKAGE / "_async").glob("*.py")}
    assert made == {each.name for each in (unasync.PACKAGE / "_sync").glob("*.py")}
    for name in made:
        source = (unasync.PACKAGE / "_async" / name).read_text()
        target = (unasync.PACKAGE / "_sync" / name).read_text()
        assert unasync.without_asyncio(source) == target, f"run {file.name}: {name} is stale"
        left = re.sub("_sync|asyncio|asyncapi", "", target.lower())
        assert "async" not in left, name


MODELS: list[tuple[type[BaseModel], str]] = [
    (commands.Command, "Command"),
    (models.Appended, "Appended"),
    (models.ContextEntry, "ContextEntry"),
    (models.Event, "DeliveredEvent"),
    (models.Key, "CreatedKey"),
    (explanations.Match, "Match"),
    (models.Metadata, "EventMetadata"),
    (explanations.Reason, "Reason"),
    (models.Receipt, "AcceptedEvent"),
    (models.Received, "FetchedEvent"),
    (models.StoredEvent, "Event"),
    (models.StreamEvent, "StreamEvent"),
    (models.StreamToken, "StreamToken"),
    (explanations.Tested, "SubscriptionTestResult"),
    (explanations.Tested, "TestResult"),
    (states.Generation, "Generation"),
    (states.ModelState, "ModelState"),
    (states.ReadModel, "ReadModel"),
    (states.Reducer, "Reducer"),
    (states.StreamState, "StreamState"),
]
"""The models of answers, each with its schema in the API."""

NO_ANSWERS = {models.Document, models.NewEvent, models.Page, models.Result}
"""The models that are no answers themselves. A result has a receipt, or a problem."""

UNSET = {(models.StoredEvent, "enrichment")}
"""Members that a model inherits, and that its answer never has."""


def _members(model: type[BaseModel]) -> set[str]:
    """The names of members, as the API has them, that a model has a type for."""
    fields = {field.alias or name for name, field in model.model_fields.items()}
    # A member called `schema` would hide a method of pydantic.
    return fields | ({"schema"} if hasattr(model, "schema_check") else set())


@pytest.mark.parametrize(("model", "schema"), MODELS)
def test_a_model_has_the_members_of_its_answer(model: type[BaseModel], schema: str) -> None:
    described = SCHEMAS[schema]
    unset = {name for kind, name in UNSET if kind is model}
    assert _members(model) - unset == described["properties"].keys()
    for attribute, field in model.model_fields.items():
        if field.is_required():
            assert (field.alias or attribute) in described["required"], attribute


@pytest.mark.parametrize(("model", "schema"), MODELS)
def test_a_model_reads_whatever_the_api_describes(model: type[BaseModel], schema: str) -> None:
    members = SCHEMAS[schema]["properties"]
    full = sample(SCHEMAS[schema])
    empty = {name: None if _nullable(each) else full[name] for name, each in members.items()}
    least = {name: full[name] for name in SCHEMAS[schema].get("required", ())}
    for document in (full, empty, least):
        read = model.model_validate(document)
        assert read.model_fields_set >= {
            name for name, field in model.model_fields.items() if (field.alias or name) in document
        }


def _nullable(schema: dict[str, Any]) -> bool:
    if any(each == {"type": "null"} for each in schema.get("anyOf", ())):
        return True
    kind = schema.get("type")
    return isinstance(kind, list) and "null" in kind


def test_no_model_is_left_out() -> None:
    named = {model for model, _ in MODELS} | NO_ANSWERS
    found = {
        each
        for module in (commands, explanations, models, states)
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, BaseModel) and each is not BaseModel
    }
    assert found == named


def test_the_client_has_no_other_models() -> None:
    package = Path(event_bus_client.__file__).parent
    modules = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"^class \w+\((BaseModel|Document)\b", path.read_text(), re.MULTILINE)
    }
    # A payload is what a service defines.
    assert modules == {
        *("commands.py", "event_types.py", "explanations.py", "models.py", "states.py"),
    }


def test_models_of_new_events_have_members_that_the_api_takes() -> None:
    members, taken = models.NewEvent.model_fields, SCHEMAS["EventSubmission"]["properties"]
    # Bytes are the payload of an event that is not JSON.
    assert members.keys() | {"payload_base64"} == taken.keys()


def test_a_problem_has_the_members_of_the_api() -> None:
    renamed = {"type": "kind", "errors": "faults"}
    members = SCHEMAS["Problem"]["properties"]
    document = {name: sample(each) for name, each in members.items()}
    document["type"] = "urn:event-bus:problem:version-conflict"
    made = errors.problem(409, document)
    for name in members:
        assert getattr(made, renamed.get(name, name)) is not None, name
    assert {each.name for each in fields(errors.Fault)} == SCHEMAS["Fault"]["properties"].keys()


def _below(kind: type[Problem]) -> set[type[Problem]]:
    direct = set(kind.__subclasses__())
    return direct.union(*map(_below, direct))


def test_every_type_of_problem_has_an_exception_of_its_own() -> None:
    stated = {each.kind for each in _below(Problem) if "kind" in vars(each)}
    made = {kind: errors.problem(400, {"type": f"urn:event-bus:problem:{kind}"}) for kind in stated}
    assert {kind: each.kinds for kind, each in made.items()} == {kind: (kind,) for kind in stated}


def test_exported_names_are_sorted_and_exist() -> None:
    assert event_bus_client.__all__ == sorted(event_bus_client.__all__)
    assert all(hasattr(event_bus_client, name) for name in event_bus_client.__all__)
