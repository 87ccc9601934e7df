"""Filters on what is sensitive are refused, and no others."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus.errors import InvalidRequest
from event_bus.matching.filters import SubscriptionFilter
from event_bus.registry.sensitive_filters import refuse_sensitive_filters

from tests.builders import publisher

SHOP = replace(
    publisher("shop", "order.*"),
    sensitive={"order.placed": ["/customer", "/lines/0/price"], "order.paid": [""]},
)


def refuse(key: str, pattern: dict[str, Any]) -> None:
    asked = SubscriptionFilter(["*"], {key: pattern})
    refuse_sensitive_filters(asked, [publisher("other"), SHOP])


@pytest.mark.parametrize(
    ("key", "pattern", "where"),
    [
        ("order.placed", {"customer": [1]}, "/filters/order.placed/customer"),
        ("order.placed", {"customer": {"id": [1]}}, "/filters/order.placed/customer/id"),
        ("order.*", {"customer": {"id": [1]}}, "/filters/order.*/customer/id"),
        ("*", {"payload": {"customer": [1]}}, "/filters/*/payload/customer"),
        ("order.placed", {"lines": {"price": [1]}}, "/filters/order.placed/lines/price"),
        ("order.paid", {"anything": [1]}, "/filters/order.paid/anything"),
        (
            "order.placed",
            {"$or": [{"total": [1]}, {"customer": [{"exists": False}]}]},
            "/filters/order.placed/$or/1/customer",
        ),
    ],
)
def test_a_filter_on_what_is_sensitive_is_refused(
    key: str, pattern: dict[str, Any], where: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        refuse(key, pattern)
    assert [fault.pointer for fault in refusal.value.faults] == [where]


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("order.placed", {"total": [1], "lines": {"sku": [1]}, "customers": [1]}),
        ("order.closed", {"customer": [1]}),
        ("task.placed", {"customer": [1]}),
        ("order.paid", {"source": ["shop"], "metadata": {"version": ["2"]}}),
    ],
)
def test_any_other_is_taken(key: str, pattern: dict[str, Any]) -> None:
    refuse(key, pattern)
