"""A payload is parted by JSON pointers, and put together again."""

import copy
from typing import Any

import pytest
from event_bus.errors import InvalidRequest, pointer
from event_bus.matching.errors import steps_of
from event_bus.matching.marker import marker
from event_bus.model.sensitive import WHOLE, points_at_something, put_back, take_out
from event_bus.requests.event import EventSubmission, accept
from event_bus.requests.sensitive import MAX_SENSITIVE_FIELDS
from event_bus.requests.validation import read
from hypothesis import given
from hypothesis import strategies as st

PAYLOAD: dict[str, Any] = {
    "email": "ada@example.com",
    "name": {"first": "Ada", "last": None},
    "lines": [{"price": 1}, {"price": 2}],
    "a/b": {"~": 0},
    "0": "zero",
    "text": "plain",
}


def submission(sensitive: Any) -> dict[str, Any]:
    return {"type": "a.b", "payload": PAYLOAD, "sensitive": sensitive}


def faults(sensitive: Any) -> list[str]:
    with pytest.raises(InvalidRequest) as refusal:
        accept(read(EventSubmission, submission(sensitive)), "shop")
    return [fault.pointer for fault in refusal.value.faults]


@pytest.mark.parametrize(
    ("sensitive", "where"),
    [
        (False, ["/sensitive"]),
        (None, ["/sensitive"]),
        ("/email", ["/sensitive"]),
        ({}, ["/sensitive"]),
        ([], ["/sensitive"]),
        ([1], ["/sensitive/0"]),
        (["/email", "email"], ["/sensitive/1"]),
        (["/a~b"], ["/sensitive/0"]),
        (["/a~"], ["/sensitive/0"]),
        (["/" + "x" * 256], ["/sensitive/0"]),
        (["/a\nb"], ["/sensitive/0"]),
        (["/email"] * (MAX_SENSITIVE_FIELDS + 1), ["/sensitive"]),
        (["/email", "/e-mail", "/lines/2"], ["/sensitive/1", "/sensitive/2"]),
        (["/lines/-"], ["/sensitive/0"]),
        (["/lines/01"], ["/sensitive/0"]),
        (["/text/0"], ["/sensitive/0"]),
        (["/email/"], ["/sensitive/0"]),
    ],
)
def test_faults_point_at_invalid_sensitive_pointers(sensitive: Any, where: list[str]) -> None:
    assert faults(sensitive) == where


@pytest.mark.parametrize(
    ("pointers", "values"),
    [
        (["/email"], {"/email": "ada@example.com"}),
        (["/name/last"], {"/name/last": None}),
        (["/lines/1/price", "/lines/0"], {"/lines/0": {"price": 1}, "/lines/1/price": 2}),
        (["/a~1b/~0"], {"/a~1b/~0": 0}),
        (["/0"], {"/0": "zero"}),
        (["/name/first", "/name", "/name"], {"/name": PAYLOAD["name"]}),
        (["/name", "/name/first", "/text"], {"/name": PAYLOAD["name"], "/text": "plain"}),
        # The marker is no part of the payload.
        (["/name", "/name/$encrypted"], {"/name": PAYLOAD["name"]}),
        (["/nobody", "/email/x"], {}),
        (["/email", WHOLE], {WHOLE: PAYLOAD}),
    ],
)
def test_sensitive_members_are_taken_out_and_put_back(
    pointers: list[str], values: dict[str, Any]
) -> None:
    before = copy.deepcopy(PAYLOAD)
    shown, taken = take_out(PAYLOAD, pointers)
    assert taken == values
    assert before == PAYLOAD
    assert put_back(shown, taken) == PAYLOAD


def test_a_marker_stands_where_it_was() -> None:
    shown, _ = take_out(PAYLOAD, ["/name/first", "/lines/1"])
    assert shown == {
        **PAYLOAD,
        "name": {"first": marker(), "last": None},
        "lines": [{"price": 1}, marker()],
    }
    assert take_out(PAYLOAD, [WHOLE])[0] == {"$encrypted": True}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[str]:
    """The pointers of everything in a value."""
    inner: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [pointer(path), *(each for step, part in inner for each in places(part, (*path, step)))]


@given(st.dictionaries(st.text(max_size=3), JSON), st.data())
def test_whatever_is_taken_out_is_put_back_and_nothing_of_it_is_shown(
    payload: dict[str, Any], data: st.DataObject
) -> None:
    pointers = data.draw(st.lists(st.sampled_from(places(payload)), max_size=4))
    shown, values = take_out(payload, pointers)
    assert all(points_at_something(payload, each) for each in pointers)
    for each in values:
        place: Any = shown
        for step in steps_of(each):
            place = place[int(step) if isinstance(place, list) else step]
        assert place == marker()
    for each in pointers:
        assert any(each == outer or each.startswith(outer + "/") for outer in values)
    assert put_back(shown, values) == payload
