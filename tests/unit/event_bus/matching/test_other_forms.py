"""Filters in another form are refused with the form that is meant, and that form is taken."""

from typing import Any

import orjson
import pytest
from event_bus.json_numbers import ExactNumber
from event_bus.matching.errors import InvalidPatternError
from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.other_forms import refuse_other_forms

ONE, SEVERAL = ["order.placed"], ["order.placed", "order.paid"]
LARGE: dict[str, Any] = {"total": [{"numeric": [">=", 100]}]}

OTHER_FORMS: list[tuple[list[str], Any, str, Any]] = [
    # As EventBridge has them, in place of the filters or of one filter.
    (ONE, {"detail": LARGE}, "/filters/detail", {"order.placed": LARGE}),
    (SEVERAL, {"detail": LARGE}, "/filters/detail", {"*": LARGE}),
    (["*"], {"detail": {"total": [5]}}, "/filters/detail", {"*": {"total": [5]}}),
    (
        SEVERAL,
        {"source": ["shop"], "detail-type": ["order.paid"], "detail": {"total": 5}},
        "/filters/detail-type",
        {"order.paid": {"source": ["shop"], "total": [5]}},
    ),
    (ONE, {"detail-type": ["order.placed"]}, "/filters/detail-type", {}),
    (
        ONE,
        {"order.placed": {"detail": LARGE, "account": ["1"]}},
        "/filters/order.placed/detail",
        {"order.placed": LARGE},
    ),
    (
        ["order.*"],
        {"order.*": {"detail-type": ["order.paid", "user.left", 5], "detail": {"a": ["x"]}}},
        "/filters/order.*/detail-type",
        {"order.paid": {"a": ["x"]}},
    ),
    # Fields without a type.
    (ONE, {"amount": 5}, "/filters/amount", {"order.placed": {"amount": [5]}}),
    (ONE, {"amount": [5, 6]}, "/filters/amount", {"order.placed": {"amount": [5, 6]}}),
    (["*"], {"source": ["shop"]}, "/filters/source", {"*": {"source": ["shop"]}}),
    (
        SEVERAL,
        {"total": {"numeric": [">", 1]}, "order.paid": {"a": [1]}},
        "/filters/total",
        {"*": {"total": [{"numeric": [">", 1]}]}, "order.paid": {"a": [1]}},
    ),
    (
        ONE,
        {"customer": {"country": "DE"}},
        "/filters/customer",
        {"order.placed": {"customer": {"country": ["DE"]}}},
    ),
    (ONE, {"not a type": [1]}, "/filters/not a type", {"order.placed": {"not a type": [1]}}),
    # Values and comparisons outside of an array.
    (
        ONE,
        {"order.placed": {"a": None, "b": {"c": "x"}}},
        "/filters/order.placed/a",
        {"order.placed": {"a": [None], "b": {"c": ["x"]}}},
    ),
    (
        ONE,
        {"order.placed": {"total": {"numeric": ["<", 5]}}},
        "/filters/order.placed/total",
        {"order.placed": {"total": [{"numeric": ["<", 5]}]}},
    ),
    (
        ONE,
        {"order.placed": {"total": {">=": 5}}},
        "/filters/order.placed/total",
        {"order.placed": {"total": [{"numeric": [">=", 5]}]}},
    ),
    (
        ONE,
        {"order.placed": {"a": {"b": {"exists": True}}}},
        "/filters/order.placed/a/b",
        {"order.placed": {"a": {"b": [{"exists": True}]}}},
    ),
    (
        ONE,
        {"order.placed": {"a": {"prefix": {"equals-ignore-case": "x"}}}},
        "/filters/order.placed/a",
        {"order.placed": {"a": [{"prefix": {"equals-ignore-case": "x"}}]}},
    ),
    (
        ONE,
        {"order.placed": {"a": {"anything-but": ["x"]}}},
        "/filters/order.placed/a",
        {"order.placed": {"a": [{"anything-but": ["x"]}]}},
    ),
    (
        ONE,
        {"order.placed": {"$or": [{"a": [1]}, {"b": "x"}]}},
        "/filters/order.placed/$or/1/b",
        {"order.placed": {"$or": [{"a": [1]}, {"b": ["x"]}]}},
    ),
]


@pytest.mark.parametrize(("event_types", "filters", "where", "meant"), OTHER_FORMS)
def test_another_form_is_answered_with_the_form_that_is_meant(
    event_types: list[str], filters: Any, where: str, meant: Any
) -> None:
    with pytest.raises(InvalidPatternError) as refusal:
        refuse_other_forms(event_types, filters)
    assert refusal.value.pointer == where
    _, _, shown = refusal.value.detail.partition(": write ")
    assert orjson.loads(shown) == {"filters": meant}
    refuse_other_forms(event_types, meant)
    SubscriptionFilter(event_types, meant)


@pytest.mark.parametrize(
    ("event_types", "filters"),
    [
        (ONE, {}),
        (["detail"], {"detail": {"a": [1]}}),
        # Fields of a payload may be named as an envelope's members, or as comparisons.
        (ONE, {"order.placed": {"detail": ["x"], "source": ["shop"], "id": ["1"]}}),
        (ONE, {"order.placed": {"payload": {"detail": {"a": [1]}}}}),
        (ONE, {"order.placed": {"network": {"cidr": ["10.0.0.0/8"]}}}),
        (ONE, {"order.placed": {"name": {"prefix": ["Dr"], "suffix": ["jr"]}}}),
        (ONE, {"order.placed": {"a": {"prefix": ["x"]}}}),
    ],
)
def test_filters_in_the_right_form_are_left_alone(event_types: list[str], filters: Any) -> None:
    refuse_other_forms(event_types, filters)
    SubscriptionFilter(event_types, filters)


def test_a_form_that_is_too_long_to_show_is_not_shown() -> None:
    with pytest.raises(InvalidPatternError) as refusal:
        refuse_other_forms(ONE, {"order.placed": {"a": "x" * 500}})
    assert "write" not in refusal.value.detail
    assert "array" in refusal.value.detail


def test_a_filter_that_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidPatternError, match="an object of fields") as refusal:
        refuse_other_forms(ONE, {"order.placed": 5})
    assert refusal.value.pointer == "/filters/order.placed"


def test_a_corrected_form_keeps_the_digits_of_a_number() -> None:
    with pytest.raises(InvalidPatternError, match=r"\[0\.10000000000000001\]"):
        refuse_other_forms(ONE, {"order.placed": {"a": ExactNumber("0.10000000000000001")}})
