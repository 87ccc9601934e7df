"""The index against the filters of each subscription, one by one."""

from typing import Any
from unittest.mock import patch

from event_bus.matching import event_view, predicate_index, text_tables
from event_bus.matching import index as index_module
from event_bus.matching.errors import InvalidPatternError
from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.index import SubscriptionIndex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.event_bus.matching.strategies import (
    EVENT_TYPES,
    STRINGS,
    TYPE_PATTERNS,
    documents,
    patterns,
)

Steps = list[tuple[str, tuple[list[str], dict[str, Any]] | None]]
Events = list[tuple[str, dict[str, Any]]]

SUBSCRIPTIONS = st.tuples(
    st.lists(TYPE_PATTERNS, min_size=1, max_size=2),
    st.dictionaries(TYPE_PATTERNS, patterns(), max_size=2),
)
STEPS = st.lists(
    st.tuples(st.integers(0, 12).map(str), st.one_of(st.none(), SUBSCRIPTIONS, SUBSCRIPTIONS)),
    min_size=5,
    max_size=30,
)
EVENTS = st.lists(
    st.tuples(EVENT_TYPES, documents(arrays=True, exact=True)), min_size=1, max_size=6
)

# Filters that share most of their values, so that buckets are split and tables hold many keys.
INFIX = st.sampled_from(["*x*", "*y*", "*yz*", "*x*yz*"]).map(lambda text: {"wildcard": text})
ALIKE = st.fixed_dictionaries(
    {"a": st.just(["x"]), "b": st.lists(st.one_of(STRINGS, INFIX), min_size=1, max_size=2)},
    optional={"c": st.just([{"numeric": ["<", 2]}])},
).map(lambda pattern: (["t.*"], {"t.*": pattern}))
ALIKE_STEPS = st.lists(
    st.tuples(st.integers(0, 30).map(str), st.one_of(ALIKE, st.none(), ALIKE)),
    min_size=10,
    max_size=30,
)
ALIKE_EVENTS = st.lists(
    st.fixed_dictionaries({"a": st.just("x"), "b": STRINGS, "c": st.just(1)}).map(
        lambda payload: ("t.a", payload)
    ),
    min_size=1,
    max_size=6,
)

many_examples = settings(
    deadline=None,
    derandomize=True,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@many_examples
@given(STEPS, EVENTS)
def test_index_finds_what_the_filters_match(steps: Steps, events: Events) -> None:
    compare(steps, events)


@many_examples
@given(STEPS, EVENTS)
def test_index_finds_what_the_filters_match_by_sets(steps: Steps, events: Events) -> None:
    with patch.object(event_view, "MAX_WALKED", -1):
        compare(steps, events)


@many_examples
@given(STEPS, EVENTS, st.integers(0, 12))
def test_the_index_and_the_filters_agree_on_events_beyond_the_limit(
    steps: Steps, events: Events, elements: int
) -> None:
    with (
        patch.object(event_view, "MAX_WALKED", -1),
        patch.object(event_view, "MAX_ELEMENTS", elements),
    ):
        compare(steps, events)


@many_examples
@given(STEPS, EVENTS)
def test_filters_that_take_too_long_to_find_or_to_check_still_match(
    steps: Steps, events: Events
) -> None:
    with patch.object(index_module, "FIND_WORK", 3), patch.object(index_module, "CHECK_WORK", 1):
        compare(steps, events)


@many_examples
@given(ALIKE_STEPS, ALIKE_EVENTS)
def test_the_index_distinguishes_similar_filters(steps: Steps, events: Events) -> None:
    compare(steps, events)


@patch.object(predicate_index, "SPLIT_ABOVE", 2)
@patch.object(text_tables, "SEARCH_BELOW", 2)
def compare(steps: Steps, events: Events) -> None:
    index = SubscriptionIndex()
    expected: dict[str, SubscriptionFilter] = {}
    for subscription_id, subscription in steps:
        if subscription is None:
            index.remove(subscription_id)
            expected.pop(subscription_id, None)
            continue
        try:
            compiled = SubscriptionFilter(*subscription)
        except InvalidPatternError:
            continue
        index.put(subscription_id, *subscription)
        expected[subscription_id] = compiled
    assert len(index) == len(expected)
    for event_type, payload in events:
        assert index.match(event_type, "s", payload, {"m": 1}) == {
            subscription_id
            for subscription_id, compiled in expected.items()
            if compiled.matches(event_type, "s", payload, {"m": 1})
        }
    for subscription_id in expected:
        index.remove(subscription_id)
    # Nothing is left behind: neither types nor tables.
    assert not list(index._types.matching("t.a.b"))
    assert not index._types._root.children
