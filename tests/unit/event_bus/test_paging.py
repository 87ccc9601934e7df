"""A cursor goes on where the page before ended: of the same list, caller and filters."""

import base64
from collections.abc import Iterator
from types import SimpleNamespace

import orjson
import pytest
from event_bus import settings as configured
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.errors import MalformedRequest
from event_bus.paging import (
    MAX_PAGE_BYTES,
    PAGE_SECONDS,
    AskedList,
    number_at,
    page_document,
    read_cursor,
    write_cursor,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import AN_ADMIN, service

POSITION = "2026-05-01T12:00:00.000Z#evt_1"
PLANNER = service("planner")
LIST = "/events"
QUERY = {"type": "task.*", "order": "oldest"}


@pytest.fixture(autouse=True, scope="module")
def sealing_key() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEALING_KEY_ARN", "arn:aws:kms:eu-central-1:000000000000:key/made-up")
        configured.settings.cache_clear()
        yield
    configured.settings.cache_clear()


def encoded(content: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode()


def test_without_a_cursor_the_first_page_is_meant() -> None:
    assert read_cursor(AskedList(LIST, QUERY, PLANNER)) is None


@pytest.mark.parametrize("position", [POSITION, "sub_1", "-", "a:b"])
def test_a_cursor_is_read_as_it_was_written(position: str) -> None:
    cursor = write_cursor(position, AskedList(LIST, QUERY, PLANNER))
    assert read_cursor(AskedList(LIST, {**QUERY, "cursor": cursor}, PLANNER)) == position


def test_a_cursor_does_not_show_its_position(monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = write_cursor(POSITION, AskedList(LIST, QUERY, PLANNER))
    content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert not [part for part in (b"evt", b"2026", b"12:00") if part in content]
    # The buses of two deployments do not read each other's cursors.
    monkeypatch.setattr("event_bus.paging.settings", lambda: SimpleNamespace(sealing_key="another"))
    with pytest.raises(MalformedRequest, match="start without a cursor"):
        read_cursor(AskedList(LIST, {**QUERY, "cursor": cursor}, PLANNER))


def test_the_limit_may_change_between_pages() -> None:
    cursor = write_cursor(POSITION, AskedList(LIST, {**QUERY, "limit": "5"}, PLANNER))
    assert (
        read_cursor(AskedList(LIST, {**QUERY, "limit": "9", "cursor": cursor}, PLANNER)) == POSITION
    )


def test_a_page_follows_a_page_that_had_a_cursor() -> None:
    cursor = write_cursor(POSITION, AskedList(LIST, {**QUERY, "cursor": "before"}, PLANNER))
    assert read_cursor(AskedList(LIST, {**QUERY, "cursor": cursor}, PLANNER)) == POSITION


@pytest.mark.parametrize(
    "caller", [service("other"), AN_ADMIN, Caller("planner", "admin")], ids=repr
)
def test_a_cursor_is_its_callers_own(caller: Caller) -> None:
    cursor = write_cursor(POSITION, AskedList(LIST, QUERY, PLANNER))
    with pytest.raises(MalformedRequest) as refusal:
        read_cursor(AskedList(LIST, {**QUERY, "cursor": cursor}, caller))
    assert [fault.pointer for fault in refusal.value.faults] == ["cursor"]


@pytest.mark.parametrize(
    "query",
    [{}, {"type": "task.*"}, {**QUERY, "source": "x"}, {**QUERY, "order": "newest"}],
    ids=str,
)
def test_a_cursor_belongs_to_its_filters(query: dict[str, str]) -> None:
    cursor = write_cursor(POSITION, AskedList(LIST, QUERY, PLANNER))
    with pytest.raises(MalformedRequest):
        read_cursor(AskedList(LIST, {**query, "cursor": cursor}, PLANNER))


@pytest.mark.parametrize("path", ["/", "/event", "/events/evt_1/matches", "/replays", "/EVENTS"])
def test_a_cursor_belongs_to_its_list(path: str) -> None:
    cursor = write_cursor(POSITION, AskedList(LIST, QUERY, PLANNER))
    with pytest.raises(MalformedRequest, match="this list"):
        read_cursor(AskedList(path, {**QUERY, "cursor": cursor}, PLANNER))


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
        read_cursor(AskedList(LIST, {**QUERY, "cursor": cursor}, PLANNER))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_forged_cursor_is_worse_than_malformed(cursor: str) -> None:
    with pytest.raises(MalformedRequest):
        read_cursor(AskedList(LIST, {"cursor": cursor}, PLANNER))


def page(
    sizes: list[int], rest: str | None = None, text: str = "a"
) -> tuple[list[int], str | None]:
    """Which of some items a page shows, by their place, and where the next page begins."""
    items = [
        (str(place), {"place": place, "text": text * size}) for place, size in enumerate(sizes)
    ]
    document = page_document(items, rest, AskedList(LIST, QUERY, PLANNER))
    cursor = document["next_cursor"]
    shown = [each["place"] for each in document["items"]]
    return shown, cursor and read_cursor(AskedList(LIST, {**QUERY, "cursor": cursor}, PLANNER))


def test_a_page_is_shown_whole_where_a_function_can_answer_with_it() -> None:
    assert page([10] * 100) == (list(range(100)), None)
    assert page([10] * 3, rest="7") == ([0, 1, 2], "7")
    assert page([]) == ([], None)
    # Nothing that fits was left: the rest is where the search ended.
    assert page([], rest="7") == ([], "7")


def test_items_that_take_long_end_a_page_early(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def made() -> Iterator[tuple[str, int]]:
        nonlocal now
        for place in range(9):
            now += PAGE_SECONDS * 0.4
            yield str(place), place

    monkeypatch.setattr(times, "steady", lambda: now)
    asked = AskedList(LIST, QUERY, PLANNER)
    document = page_document(made(), None, asked)
    assert document["items"] == [0, 1]
    again = {**QUERY, "cursor": document["next_cursor"]}
    assert read_cursor(AskedList(LIST, again, PLANNER)) == "1"
    now = 0.0
    assert page_document([("0", 0)], None, asked) == {"items": [0], "next_cursor": None}


def test_a_page_ends_before_a_function_could_not_answer_with_it() -> None:
    third = MAX_PAGE_BYTES // 3
    assert page([third] * 5, rest="9") == ([0, 1], "1")
    # At least one item is shown, because otherwise a client could not read on.
    assert page([MAX_PAGE_BYTES, 1]) == ([0], "0")


@pytest.mark.parametrize(("text", "bytes_each"), [('"', 4), ("\\", 4), ("\u00e9", 2), ("\x01", 7)])
def test_the_size_of_a_page_counts_escaped_characters(text: str, bytes_each: int) -> None:
    fits = MAX_PAGE_BYTES // bytes_each // 2 - 100
    assert page([fits, fits], text=text) == ([0, 1], None)
    assert page([fits, fits + 200], text=text) == ([0], "0")


def test_a_function_can_answer_with_the_largest_page() -> None:
    items = [(str(place), '"' * 100_000) for place in range(100)]
    document = page_document(items, None, AskedList(LIST, QUERY, PLANNER))
    answered = orjson.dumps({"body": orjson.dumps(document).decode()})
    assert 4_000_000 < len(answered) < 6_000_000


@pytest.mark.parametrize(("position", "number"), [(None, None), ("0", 0), ("17", 17)])
def test_a_number_is_read_from_its_position(position: str | None, number: int | None) -> None:
    assert number_at(position) == number


@pytest.mark.parametrize("position", ["", "a", "-1", "1.5", "1_0", "9" * 16, "٣"])
def test_a_position_that_is_not_a_number_is_refused(position: str) -> None:
    with pytest.raises(MalformedRequest):
        number_at(position)
