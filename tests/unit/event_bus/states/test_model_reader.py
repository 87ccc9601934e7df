"""Read models are listed page by page, to services that may receive what is behind a state."""

from types import SimpleNamespace
from typing import Any

import pytest
from event_bus.access.callers import Caller
from event_bus.errors import MalformedRequest, NotFound, Unavailable
from event_bus.model.read_model import ModelState
from event_bus.states import model_reader
from event_bus.states.model_reader import ReadModelReader

from tests.builders import AN_ADMIN, service
from tests.unit.event_bus.states.kept_models import Models, built_at_once, models
from tests.unit.event_bus.states.streams import PLANNER

__all__ = ["built_at_once", "models"]

WORKER = service("worker")


def reader(models: Models, *permitted: str) -> ReadModelReader:
    """Reads for services of which each may receive these types of the planner."""

    def permits(service_id: str, name: str, source: str) -> bool:
        assert (service_id, source) == (WORKER.service_id, "planner")
        return name in permitted

    rights = SimpleNamespace(of=lambda _service_id, _sources: SimpleNamespace(permits=permits))
    finder: Any = SimpleNamespace(rights=rights)
    return ReadModelReader(models.store, finder, models.aws.streams)


def fill(models: Models, *types: list[str], indexes: list[str] | None = None) -> None:
    """Builds a read model with a state for each list of types."""
    models.registry.register("planner", "task", indexes or [])
    models.work()
    model, serving = models.model, models.model.serving
    assert serving
    for number, each in enumerate(types):
        state = ModelState(f"task/{number}", version=1, types=each, state={"n": number % 2})
        assert models.store.put_state(model, serving, None, state)


def pages(
    found: ReadModelReader, caller: Caller, limit: int, **wanted: str
) -> list[tuple[list[str], str | None]]:
    """All pages: the streams of each, and where the next one begins."""
    made: list[tuple[list[str], str | None]] = []
    behind = None
    while True:
        states, behind = found.page("planner", "task", wanted, behind, limit, caller)
        made.append(([each.stream_id for each in states], behind))
        if behind is None:
            return made


@pytest.mark.parametrize("caller", [PLANNER, AN_ADMIN])
def test_pages_follow_each_other_without_a_gap(models: Models, caller: Caller) -> None:
    fill(models, *[["task.made"]] * 5)
    assert pages(reader(models), caller, 2) == [
        (["task/0", "task/1"], "task/1"),
        (["task/2", "task/3"], "task/3"),
        (["task/4"], None),
    ]
    assert pages(reader(models), caller, 5) == [([f"task/{n}" for n in range(5)], None)]


def test_a_page_of_an_index_has_its_states_alone(models: Models) -> None:
    fill(models, *[["task.made"]] * 5, indexes=["n"])
    assert pages(reader(models), PLANNER, 2, n="0") == [
        (["task/0", "task/2"], "task/2"),
        (["task/4"], None),
    ]


def test_a_service_sees_a_state_if_it_may_receive_every_type_behind_it(models: Models) -> None:
    fill(models, ["task.made"], ["task.made", "task.paid"], ["task.paid"], [])
    one, both = reader(models, "task.made"), reader(models, "task.made", "task.paid")
    assert pages(one, WORKER, 9) == [(["task/0", "task/3"], None)]
    assert pages(one, WORKER, 1) == [(["task/0"], "task/0"), (["task/3"], None)]
    assert pages(both, WORKER, 9) == [([f"task/{n}" for n in range(4)], None)]


def test_states_that_a_service_may_not_see_do_not_end_its_page(models: Models) -> None:
    hidden = [["task.paid"]] * 25
    fill(models, *hidden, ["task.made"])
    assert pages(reader(models, "task.made"), WORKER, 1) == [(["task/25"], None)]


def test_a_page_of_a_service_ends_with_a_state_that_it_may_see(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_reader, "MAX_LIMIT", 3)
    seen, hidden = ["task.made"], ["task.paid"]
    fill(models, seen, seen, hidden, hidden, seen)
    assert pages(reader(models, "task.made"), WORKER, 2) == [
        (["task/0", "task/1"], "task/1"),
        (["task/4"], None),
    ]


def test_a_member_without_an_index_is_named_to_the_owner_alone(models: Models) -> None:
    fill(models, ["task.made"], indexes=["n", "status"])
    read = reader(models, "task.made")
    with pytest.raises(MalformedRequest) as refusal:
        read.page("planner", "task", {"colour": "red"}, None, 9, PLANNER)
    [fault] = refusal.value.faults
    assert fault.pointer == "colour"
    assert fault.detail == "is not known; indexed members are: n, status"
    assert read.page("planner", "task", {"colour": "red"}, None, 9, WORKER) == ([], None)
    models.build()
    with pytest.raises(MalformedRequest, match="indexed members are: none"):
        read.page("planner", "task", {"n": "1"}, None, 9, PLANNER)


def test_a_model_that_does_not_exist_is_told_to_the_owner_alone(models: Models) -> None:
    read = reader(models)
    with pytest.raises(NotFound, match="no read model of task,"):
        read.page("planner", "task", {}, None, 9, PLANNER)
    assert read.page("planner", "task", {}, None, 9, WORKER) == ([], None)
    models.registry.register("planner", "task", [])
    with pytest.raises(Unavailable, match="of task is being built") as refusal:
        read.page("planner", "task", {}, None, 9, AN_ADMIN)
    assert refusal.value.headers["retry-after"] == "5"
    assert read.page("planner", "task", {}, None, 9, WORKER) == ([], None)
    with pytest.raises(NotFound, match="no read model of other,"):
        read.get("planner", "other")
    assert read.get("planner", "task") == models.model
