"""Read models are registered, shown, rebuilt and removed over HTTP."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from event_bus.model.read_model import ModelState
from event_bus.stores.read_models import ReadModelStore

from tests.builders import AN_ADMIN, service
from tests.handlers import FunctionAnswer, Functions
from tests.unit.functions.categories import PLANNER, ask_about

STATES = "GET /states/{category}"

ask = partial(ask_about, "read-models")


def states(functions: Functions, caller: Any = PLANNER, **query: str) -> FunctionAnswer:
    where = {"category": "task"}
    return functions.request("events", STATES, caller, parameters=where, query=query)


def test_a_read_model_is_registered_rebuilt_and_removed(functions: Functions) -> None:
    made = ask(functions, "PUT", {"indexes": ["status", "status"]})
    assert (made.status, made.body["serving"]) == (201, None)
    assert made.headers["location"] == "/read-models/task?source=planner"
    assert made.body["building"]["indexes"] == ["status"]
    assert ask(functions, "PUT", {"indexes": ["status"]}).status == 200
    shown = ask(functions, "GET")
    assert (shown.status, shown.body["lag_seconds"]) == (200, None)
    assert states(functions).status == 503
    again = ask(functions, "POST", below="/rebuild")
    assert (again.status, again.body["building"]["number"]) == (202, 2)
    ask(functions, "PUT", {}, category="order")
    ask(functions, "PUT", {}, service("other"))
    listed = functions.request("registry", "GET /read-models", PLANNER).body["items"]
    assert [each["category"] for each in listed] == ["order", "task"]
    everyone = functions.request("registry", "GET /read-models", AN_ADMIN).body["items"]
    assert len(everyone) == 3
    assert ask(functions, "DELETE").status == 204
    for method, below in (("GET", ""), ("DELETE", ""), ("POST", "/rebuild")):
        assert ask(functions, method, below=below).status == 404
    assert states(functions).status == 404


def test_read_models_are_their_owners_and_admins_alone(functions: Functions) -> None:
    assert ask(functions, "PUT", {}, AN_ADMIN, source="planner").status == 201
    assert ask(functions, "PUT", {}, AN_ADMIN).status == 400
    stranger = service("stranger")
    assert ask(functions, "PUT", {}, stranger, source="planner").status == 403
    assert ask(functions, "GET", caller=stranger, source="planner").status == 403
    assert ask(functions, "GET", caller=stranger).status == 404
    # Other services do not learn which read models exist.
    for source in ("planner", "nobody"):
        answer = states(functions, stranger, source=source, status="open")
        assert (answer.status, answer.body["items"]) == (200, [])


@pytest.mark.parametrize(
    ("indexes", "pointer"),
    [
        (["a", "b", "c"], "/indexes"),
        (["a.b"], "/indexes/0"),
        (["a", "limit"], "/indexes/1"),
        ([""], "/indexes/0"),
        (["1a"], "/indexes/0"),
        ([7], "/indexes/0"),
        ("status", "/indexes"),
    ],
)
def test_indexes_that_cannot_be_are_refused(
    functions: Functions, indexes: Any, pointer: str
) -> None:
    answer = ask(functions, "PUT", {"indexes": indexes})
    assert answer.status == 422
    assert [each["pointer"] for each in answer.body["errors"]] == [pointer]


def test_a_value_that_is_too_long_is_refused(functions: Functions) -> None:
    answer = states(functions, status="x" * 501)
    assert answer.status == 400
    assert [each["pointer"] for each in answer.body["errors"]] == ["status"]


def test_a_cursor_reveals_no_stream_that_its_caller_may_not_see(functions: Functions) -> None:
    ask(functions, "PUT", {})
    models = ReadModelStore(functions.aws.table("states"), functions.aws.table("changes"))
    model = models.get("planner", "task")
    assert model
    assert model.building
    models.put(model, replace(model, serving=model.building, building=None))
    for place in range(3):
        state = ModelState(f"task/{place}", version=1, types=["task.made"])
        models.put_state(model, model.building, None, state)
    where = {"id": "stranger"}
    granted = {"event_types": ["order.*"]}
    functions.request("registry", "PUT /subscribers/{id}", AN_ADMIN, granted, parameters=where)
    page = states(functions, service("stranger"), source="planner", limit="1")
    assert (page.body["items"], page.body["next_cursor"]) == ([], None)
    owned = states(functions, limit="1")
    assert [each["stream_id"] for each in owned.body["items"]] == ["task/0"]
    assert owned.body["next_cursor"]
