"""The states of a generation that has ended are removed, whenever functions write them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson
import pytest
from event_bus import times
from event_bus.errors import NotFound
from event_bus.model.reducer import Reducer
from event_bus.model.stream_name import StreamName
from event_bus.queues.projections import projection_in
from event_bus.states.reducing import NumberedEvent, reduced
from event_bus.stores.read_models import live_change

from tests.aws import Aws
from tests.unit.event_bus.states.kept_models import Models, built_at_once, models
from tests.unit.event_bus.states.streams import STREAM, append

__all__ = ["built_at_once", "models"]


def test_what_a_generation_replaced_is_removed_whatever_ends_a_function(
    aws: Aws, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(aws, [{"n": 1}])
    models.build()
    models.registry.rebuild("planner", "task")
    aws.take(models.url)
    aws.sent(models.url)
    now = "2031-01-01T00:00:00.000Z"
    monkeypatch.setattr(times, "now", lambda: now)
    models.projector.step("planner", "task", 2)
    assert models.model.serving
    assert (models.model.serving.number, models.model.serving.built_at) == (2, now)
    state = models.store.state(models.model, 2, STREAM.stream_id)
    assert state
    assert state.updated_at == now
    # The later message comes even if this function ends before it sends the first.
    assert [(orjson.loads(each.body), each.delay) for each in aws.sent(models.url)] == [
        ({"generation": ["planner", "task", 1]}, 120),
        ({"generation": ["planner", "task", 1]}, 0),
    ]


def test_a_removed_model_loses_its_states_and_its_numbers_stay_used(
    aws: Aws, models: Models
) -> None:
    for number in range(30):
        append(aws, [{"a": 1}], StreamName("planner", f"task/{number}"))
    models.build()
    models.registry.remove("planner", "task")
    with pytest.raises(NotFound):
        models.registry.get("planner", "task")
    models.work()
    assert partitions(aws) == ["models"]
    model, is_new = models.registry.register("planner", "task", [])
    assert (model.generations, is_new) == (2, True)
    told = [live_change(change) for _, change in aws.log.after(0)]
    assert told == [("planner#task", True), ("planner#task", False), ("planner#task", True)]


def partitions(aws: Aws) -> list[str]:
    """The partitions of all items of the table of states, except for the numbers of additions."""
    left = aws.dynamodb.scan(TableName=aws.tables["states"])["Items"]
    return [each["partition"]["S"] for each in left if each["partition"]["S"] != "additions"]


def remove_model(models: Models) -> None:
    models.registry.remove("planner", "task")


def replace_building(models: Models) -> None:
    models.registry.register("planner", "task", ["b"])


@pytest.mark.parametrize(
    ("end", "built", "left"),
    [
        (remove_model, True, ["models"]),
        (remove_model, False, ["models"]),
        (replace_building, False, ["models", "state#planner#task#2"]),
    ],
)
def test_a_state_that_is_written_after_the_end_of_its_generation_is_removed(
    aws: Aws, models: Models, end: Callable[[Models], None], built: bool, left: list[str]
) -> None:
    models.registry.register("planner", "task", ["a"])
    if built:
        models.work()
    append(aws, [{"a": 1}])
    ended: list[bool] = []

    def reduce(reducer: Reducer, state: bytes, events: Sequence[NumberedEvent]) -> bytes:
        if not ended:
            # Meanwhile the generation ends, and every message is taken but those that are delayed.
            ended.append(True)
            end(models)
            models.work()
        return reduced(reducer, state, events)

    replace(models.projector, reduce=reduce).project(STREAM)
    assert "state#planner#task#1" in partitions(aws)
    for each in aws.sent(models.url):
        if each.delay:
            models.projector.take(projection_in(each.body) or {})
    assert sorted(set(partitions(aws))) == left
