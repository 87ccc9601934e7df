from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from event_bus.matching.errors import InvalidPatternError
from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.index import SubscriptionIndex
from event_bus.matching.predicate_index import SPLIT_ABOVE

Subscription = tuple[list[str], dict[str, Any]]


def test_put_replaces_and_remove_forgets() -> None:
    index = SubscriptionIndex()
    index.put("s1", ["task.*"], {"task.*": {"priority": ["high"]}})
    index.put("s2", ["task.*"], {"task.*": {"priority": ["high"]}})
    assert len(index) == 2
    assert "s1" in index
    assert "s3" not in index
    assert index.match("task.a", "x", {"priority": "high"}, {}) == {"s1", "s2"}
    index.put("s1", ["role.*"], {})
    assert len(index) == 2
    assert index.match("task.a", "x", {"priority": "high"}, {}) == {"s2"}
    assert index.match("role.a", "x", {}, {}) == {"s1"}
    index.remove("s2")
    index.remove("s2")
    assert index.match("task.a", "x", {"priority": "high"}, {}) == set()
    assert len(index) == 1


def test_what_has_not_changed_is_not_inserted_again() -> None:
    index = SubscriptionIndex()
    index.put("s1", ["task.*", "role.*"], {"task.*": {"n": [1, 2]}})
    with patch.object(SubscriptionIndex, "_insert") as insert:
        index.put("s1", ["role.*", "task.*"], {"task.*": {"n": [1, 2]}})
    insert.assert_not_called()
    assert index.match("task.a", "x", {"n": 2}, {}) == {"s1"}
    index.put("s1", ["task.*"], {"task.*": {"n": [3]}})
    assert index.match("task.a", "x", {"n": 2}, {}) == set()


def test_a_refused_subscription_leaves_the_old_one() -> None:
    index = SubscriptionIndex()
    index.put("s1", ["task.*"], {})
    with pytest.raises(InvalidPatternError):
        index.put("s1", ["task.*"], {"task.*": {"a": []}})
    assert index.match("task.a", "x", {}, {}) == {"s1"}


def test_the_answer_is_the_callers_own() -> None:
    index = SubscriptionIndex()
    index.put("s1", ["task.*"], {})
    index.match("task.a", "x", {}, {}).clear()
    assert index.match("task.a", "x", {}, {}) == {"s1"}


def test_reserved_names_reach_source_and_metadata() -> None:
    index = SubscriptionIndex()
    index.put("by-source", ["*"], {"*": {"source": ["planner"]}})
    index.put("by-metadata", ["*"], {"*": {"metadata": {"env": ["prod"]}}})
    index.put("by-payload", ["*"], {"*": {"payload": {"source": ["inner"]}}})
    found = index.match("a", "planner", {"source": "inner"}, {"env": "prod"})
    assert found == {"by-source", "by-metadata", "by-payload"}


def equal(n: int) -> Subscription:
    return ["task.*"], {"task.*": {"priority": ["high"], "agent": [f"agent-{n}"]}}


def partly_filtered(n: int) -> Subscription:
    return ["task.*"], {"task.assigned": {"agent": [f"agent-{n}"]}}


def narrow_range(n: int) -> Subscription:
    return ["task.*"], {"task.*": {"score": [{"numeric": [">=", n, "<", n + 1]}]}}


def prefix(n: int) -> Subscription:
    return ["*"], {"*": {"key": [{"prefix": f"{n:06}/"}]}}


def folded_suffix(n: int) -> Subscription:
    return ["*"], {"*": {"key": [{"suffix": {"equals-ignore-case": f".Part{n:06}"}}]}}


def head(n: int) -> Subscription:
    return ["*"], {"*": {"key": [{"wildcard": f"{n:06}*/a.PART*"}]}}


def infix(n: int) -> Subscription:
    return ["*"], {"*": {"key": [{"wildcard": f"*{n:06}/*0*"}]}}


def block(n: int) -> Subscription:
    return ["*"], {"*": {"ip": [{"cidr": f"{n >> 8}.{n & 255}.0.0/16"}]}}


def two_fields(n: int) -> Subscription:
    # Neither field alone tells much: each value is shared by the root of all subscriptions.
    return ["*"], {"*": {"row": [n // 100], "column": [n % 100], "priority": ["high"]}}


def own_field(n: int) -> Subscription:
    return ["*"], {"*": {f"field-{n}": [1]}}


def optional(n: int) -> Subscription:
    return ["*"], {"*": {"agent": [{"exists": False}, f"agent-{n}"]}}


def alternatives(n: int) -> Subscription:
    return ["*"], {"*": {"$or": [{"agent": [f"agent-{n}"]}, {"deputy": [f"agent-{n}"]}]}}


EVENT = {
    "priority": "high",
    "agent": "agent-7",
    "score": 7.5,
    "key": "000007/a.PART000007",
    "ip": "0.7.1.2",
    "row": 0,
    "column": 7,
    "field-7": 1,
}


@pytest.mark.parametrize(
    "subscription",
    [
        *(equal, partly_filtered, narrow_range, prefix, folded_suffix, head, infix),
        *(block, two_fields, own_field, optional, alternatives),
    ],
)
def test_patterns_checked_do_not_grow_with_subscriptions(
    subscription: Callable[[int], Subscription],
) -> None:
    index, decides = SubscriptionIndex(), SubscriptionFilter.decides
    for count in (100, 1_000, 10_000):
        for n in range(len(index), count):
            index.put(str(n), *subscription(n))
        with patch.object(
            SubscriptionFilter, "decides", autospec=True, side_effect=decides
        ) as check:
            assert index.match("task.assigned", "x", EVENT, {}) == {"7"}
        # A bucket that is not split, for each of the fields that are shared.
        assert 1 <= check.call_count <= 3 * SPLIT_ABOVE


def test_tables_shrink_again() -> None:
    index = SubscriptionIndex()
    for n in range(500):
        index.put(str(n), *two_fields(n))
        index.put(f"r{n}", *narrow_range(n))
    for n in range(500):
        index.remove(str(n))
        index.remove(f"r{n}")
    assert len(index) == 0
    assert not index._types._root.children
    assert index._types._root.rest is None


def test_a_divided_bucket_outlives_what_it_could_not_divide() -> None:
    index = SubscriptionIndex()
    side = 3 * SPLIT_ABOVE
    for n in range(side * side):
        index.put(str(n), ["*"], {"*": {"row": [n // side], "column": [n % side]}})
    for n in range(side):
        index.put(f"row-{n}", ["*"], {"*": {"row": [n]}})
        index.put(f"column-{n}", ["*"], {"*": {"column": [n]}})
    assert index.match("a", "x", {"row": 1, "column": 2}, {}) == {
        "row-1",
        "column-2",
        str(side + 2),
    }
    for n in range(side):
        index.remove(f"row-{n}")
        index.remove(f"column-{n}")
    for n in range(side * side):
        event = {"row": n // side, "column": n % side}
        assert index.match("a", "x", event, {}) == {str(n)}
