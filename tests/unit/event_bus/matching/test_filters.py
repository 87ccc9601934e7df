from typing import Any

import pytest
from event_bus.matching.errors import InvalidPatternError
from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.limits import MAX_EVENT_TYPES, MAX_FILTERS

METADATA = {"correlation_id": "c1", "tags": {"env": "prod"}}


def matches(
    event_types: list[str],
    filters: dict[str, Any],
    event_type: str = "task.assigned",
    payload: dict[str, Any] | None = None,
) -> bool:
    return SubscriptionFilter(event_types, filters).matches(
        event_type, "planner", payload or {}, METADATA
    )


@pytest.mark.parametrize(
    ("event_types", "filters", "expected"),
    [
        (["task.assigned"], {}, True),
        (["task.created"], {}, False),
        (["task.created", "task.*"], {}, True),
        (["task.*"], {"task.assigned": {"priority": ["high", "critical"]}}, True),
        (["task.*"], {"task.assigned": {"priority": ["low"]}}, False),
        (["task.*"], {"task.created": {"priority": ["low"]}}, True),
        (["task.*"], {"task.*": {"priority": ["high"]}, "*": {"score": [1]}}, True),
        (["task.*"], {"task.*": {"priority": ["high"]}, "*": {"score": [2]}}, False),
        (["*"], {"*": {"payload": {"priority": ["high"]}}}, True),
        (["*"], {"*": {"source": ["planner"]}}, True),
        (["*"], {"*": {"source": ["payload-source"]}}, False),
        (["*"], {"*": {"payload": {"source": ["payload-source"]}}}, True),
        (["*"], {"*": {"metadata": {"tags": {"env": ["prod"]}}}}, True),
        (["*"], {"*": {"metadata": ["mine"]}}, False),
        (["*"], {"*": {"payload": {"metadata": ["mine"], "payload": ["inner"]}}}, True),
    ],
)
def test_matches(event_types: list[str], filters: dict[str, Any], expected: bool) -> None:
    payload = {
        "priority": "high",
        "score": 1,
        "source": "payload-source",
        "metadata": "mine",
        "payload": "inner",
    }
    assert matches(event_types, filters, payload=payload) is expected


@pytest.mark.parametrize(
    ("event_types", "filters", "pointer"),
    [
        ([], {}, "/event_types"),
        ("task.*", {}, "/event_types"),
        (None, {}, "/event_types"),
        (["task.*", "task."], {}, "/event_types/1"),
        (["task.*", 5], {}, "/event_types/1"),
        (["t"] * (MAX_EVENT_TYPES + 1), {}, "/event_types"),
        (["*"], [], "/filters"),
        (["*"], {f"t{n}": {"a": [1]} for n in range(MAX_FILTERS + 1)}, "/filters"),
        (["*"], {"a/b": {"a": [1]}}, "/filters/a~1b"),
        (["*"], {5: {"a": [1]}}, "/filters"),
        (["task.*"], {"role.created": {"a": [1]}}, "/filters/role.created"),
        (["task.created"], {"*.deleted": {"a": [1]}}, "/filters/*.deleted"),
        (["*.a"], {"x.y.*": {"a": [1]}}, "/filters/x.y.*"),
        (["*"], {"task.assigned": {}}, "/filters/task.assigned"),
        (["*"], {"task.assigned": []}, "/filters/task.assigned"),
        (["*"], {"task.assigned": {"priority": [[]]}}, "/filters/task.assigned/priority/0"),
        (["*"], {"*": {"payload": {"p/q": [{"numeric": 1}]}}}, "/filters/*/payload/p~1q/0/numeric"),
    ],
)
def test_refusals(event_types: object, filters: object, pointer: str) -> None:
    with pytest.raises(InvalidPatternError) as caught:
        SubscriptionFilter(event_types, filters)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize("key", ["task.created", "*.created", "*", "task.*", "*.*", "task.*.x"])
def test_filters_that_some_type_meets_are_accepted(key: str) -> None:
    SubscriptionFilter(["role.x", "task.*"], {key: {"a": [1]}})
