"""What is made is current: the client without asyncio, and the models of answers."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import event_bus_client
import orjson
import pytest
from event_bus.api.description import DOCUMENT
from event_bus.errors import Problem
from event_bus_client import errors, models
from pydantic import BaseModel

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


@pytest.mark.parametrize(
    ("model", "schema"),
    [
        (models.Event, "DeliveredEvent"),
        (models.StoredEvent, "Event"),
        (models.Receipt, "AcceptedEvent"),
        (models.Received, "FetchedEvent"),
        (models.Key, "CreatedKey"),
        (models.ContextEntry, "ContextEntry"),
        (models.Match, "Match"),
        (models.Reason, "Reason"),
        (models.Tested, "TestResult"),
        (models.Tested, "SubscriptionTestResult"),
    ],
)
def test_models_are_those_of_the_api(model: type[BaseModel], schema: str) -> None:
    described = SCHEMAS[schema]
    for attribute, field in model.model_fields.items():
        name = field.alias or attribute
        assert name in described["properties"], name
        if field.is_required():
            assert name in described["required"], name


def test_models_of_new_events_have_members_that_the_api_takes() -> None:
    assert models.NewEvent.model_fields.keys() <= SCHEMAS["EventSubmission"]["properties"].keys()
    # The bus gives the version of a stream; a publisher does not name it.
    sent = models.Metadata.model_fields.keys() - {"stream_version"}
    assert sent <= SCHEMAS["Metadata"]["properties"].keys()


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
