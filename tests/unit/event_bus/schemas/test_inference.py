"""Drafts accept what they were made from, and say what it tells."""

from typing import Any

import pytest
from event_bus.matching.marker import marker
from event_bus.schemas.checks import check_schema
from event_bus.schemas.inference import MAX_MEMBERS, draft_of
from event_bus.schemas.validator import compiled
from hypothesis import given, settings
from hypothesis import strategies as st

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "a", "2026-05-01", "2026-05-01T12:00:00Z", "ada@example.com"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
PAYLOADS = st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES), min_size=1, max_size=5)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(PAYLOADS)
def test_a_draft_is_a_schema_that_accepts_what_it_was_made_from(payloads: list[Any]) -> None:
    validator = compiled(check_schema(draft_of(payloads), ""))

    assert [validator.faults(each, 100, "") for each in payloads] == [[]] * len(payloads)


def test_a_draft_tells_types_optional_members_and_formats() -> None:
    payloads = [
        {"id": "7f9c2ba4-e88f-4bd2-b1f4-0d4b1c2a3e4f", "due": "2026-05-01", "tags": ["a"]},
        {"id": "0d4b1c2a-e88f-4bd2-b1f4-7f9c2ba4e88f", "tags": [], "price": 5},
        {"id": "1d4b1c2a-e88f-4bd2-b1f4-7f9c2ba4e88f", "tags": ["b", None], "price": 1.5},
    ]

    assert draft_of(payloads) == {
        "type": "object",
        "properties": {
            "due": {"type": "string", "format": "date"},
            "id": {"type": "string", "format": "uuid"},
            "price": {"type": "number"},
            "tags": {"type": "array", "items": {"type": ["null", "string"]}},
        },
        "required": ["id", "tags"],
    }


def test_a_draft_shows_nothing_of_sealed_values() -> None:
    assert draft_of([{"card": marker()}, {"card": "4111"}]) == {
        "type": "object",
        "properties": {"card": {}},
        "required": ["card"],
    }


def test_an_object_with_many_members_is_a_map() -> None:
    many = {f"user_{each}": {"visits": each} for each in range(MAX_MEMBERS + 1)}

    assert draft_of([many])["additionalProperties"]["properties"] == {  # type: ignore[index]
        "visits": {"type": "integer"}
    }


def test_a_deep_payload_is_described_to_a_depth() -> None:
    payload: Any = 1
    for _ in range(30):
        payload = {"a": payload}

    check_schema(draft_of([payload]), "")


def _nested(number: int, members: int, name: str = "m") -> dict[str, Any]:
    """A payload with members of its own, at places that other payloads have too."""
    own: dict[str, Any] = {f"{name}{number}_{each}": each for each in range(members)}
    for level in range(3):
        own = {f"l{(number >> level) % 8}": own, "list": [[own]]}
    return own


@pytest.mark.parametrize(
    "payloads",
    [
        [_nested(number, 12) for number in range(300)],
        [_nested(number, 3, "\u0001" * 1_000) for number in range(40)],
        [{f"{a}": {f"{b}": {f"{c}": {} for c in range(30)} for b in range(30)} for a in range(30)}],
        [{"a" * 70_000: {"b": 1}}],
    ],
)
def test_a_draft_is_never_larger_than_a_schema_may_be(payloads: list[Any]) -> None:
    draft = draft_of(payloads)
    validator = compiled(check_schema(draft, ""))
    assert [each for each in payloads if validator.faults(each, 100, "")] == []
    assert isinstance(draft, dict)
    assert draft["type"] == "object"
