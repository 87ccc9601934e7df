"""A cursor goes on where the page before ended, for the same caller and the same filters."""

import base64

import orjson
import pytest
from event_bus.api.paging import read_cursor, write_cursor
from event_bus.errors import MalformedRequest
from event_bus.security.callers import Caller
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import AN_ADMIN, service

POSITION = "2026-05-01T12:00:00.000Z#evt_1"
PLANNER = service("planner")
QUERY = {"type": "task.*", "order": "oldest"}


def encoded(content: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode()


def test_without_a_cursor_the_first_page_is_meant() -> None:
    assert read_cursor(QUERY, PLANNER) is None


@pytest.mark.parametrize("position", [POSITION, "sub_1", "-", "a:b"])
def test_a_cursor_is_read_as_it_was_written(position: str) -> None:
    cursor = write_cursor(position, QUERY, PLANNER)
    assert read_cursor({**QUERY, "cursor": cursor}, PLANNER) == position


def test_the_limit_may_change_between_pages() -> None:
    cursor = write_cursor(POSITION, {**QUERY, "limit": "5"}, PLANNER)
    assert read_cursor({**QUERY, "limit": "9", "cursor": cursor}, PLANNER) == POSITION


def test_a_page_follows_a_page_that_had_a_cursor() -> None:
    cursor = write_cursor(POSITION, {**QUERY, "cursor": "before"}, PLANNER)
    assert read_cursor({**QUERY, "cursor": cursor}, PLANNER) == POSITION


@pytest.mark.parametrize(
    "caller", [service("other"), AN_ADMIN, Caller("planner", "admin")], ids=repr
)
def test_a_cursor_is_its_callers_own(caller: Caller) -> None:
    cursor = write_cursor(POSITION, QUERY, PLANNER)
    with pytest.raises(MalformedRequest) as refusal:
        read_cursor({**QUERY, "cursor": cursor}, caller)
    assert [fault.pointer for fault in refusal.value.faults] == ["cursor"]


@pytest.mark.parametrize(
    "query",
    [{}, {"type": "task.*"}, {**QUERY, "source": "x"}, {**QUERY, "order": "newest"}],
    ids=str,
)
def test_a_cursor_belongs_to_its_filters(query: dict[str, str]) -> None:
    cursor = write_cursor(POSITION, QUERY, PLANNER)
    with pytest.raises(MalformedRequest):
        read_cursor({**query, "cursor": cursor}, PLANNER)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "%",
        "ü",
        "=",
        "a",
        "AAAA",
        "\x00",
        encoded(None),
        encoded(7),
        encoded([]),
        encoded([POSITION]),
        encoded([POSITION, "x", "y"]),
        encoded({"a": 1, "b": 2}),
        encoded([7, "x"]),
        encoded([POSITION, None]),
        encoded([None, None]),
        encoded(["", "x"]),
        encoded(["~", "x"]),
        encoded(["é", "x"]),
        encoded(["a\n", "x"]),
        encoded(["a" * 257, "x"]),
        "W" * 100_000,
        encoded([[[[[[1]]]]], 1]),
    ],
    ids=lambda cursor: cursor[:20],
)
def test_a_forged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(MalformedRequest):
        read_cursor({**QUERY, "cursor": cursor}, PLANNER)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_forged_cursor_is_worse_than_malformed(cursor: str) -> None:
    with pytest.raises(MalformedRequest):
        read_cursor({"cursor": cursor}, PLANNER)
