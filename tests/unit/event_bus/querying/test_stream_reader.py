"""Streams are read in order, page by page, by those who may see them."""

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from event_bus.access.callers import Caller
from event_bus.model.event import Event
from event_bus.model.stream_name import StreamName
from event_bus.querying.stream_reader import StreamReader, StreamSpan
from event_bus.stores.streams import UNMARKED, StreamEntry, StreamMarks, StreamStore
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import AN_ADMIN, NOON, event, routing, service, subscription
from tests.unit.event_bus.querying.memory import finder

STREAM = StreamName("planner", "task/1")
PLANNER = service("planner")
ALL = (1, 10**15)


@dataclass(frozen=True, slots=True)
class MemoryStreams(StreamStore):
    """The entries of one stream in memory."""

    entries: list[StreamEntry] = field(default_factory=list)

    def between(
        self, stream: StreamName, first: int, last: int, limit: int, *, newest_first: bool = False
    ) -> list[StreamEntry]:
        assert limit <= 101
        found = [
            each for each in self.entries if stream == STREAM and first <= each.version <= last
        ]
        return (found[::-1] if newest_first else found)[:limit]

    def marks(self, stream: StreamName) -> StreamMarks:
        return UNMARKED if stream else StreamMarks()


def reader(
    executor: Executor,
    payloads: Iterable[dict[str, Any] | None],
    routed: Iterable[int] = (),
    reused: Iterable[int] = (),
) -> StreamReader:
    """A stream with these payloads; None where an event has expired.

    In the place of an expired event, another one may use its id again.
    """
    made: list[Event] = []
    entries: list[StreamEntry] = []
    for version, payload in enumerate(payloads, 1):
        stored = event(f"evt_{version}", payload=payload)
        at = NOON if version in reused else stored.created_at
        entries.append(StreamEntry(version, stored.id, at))
        if payload is not None:
            made.append(stored)
    through, _ = finder(
        executor,
        made,
        [routing(f"evt_{version}", sub_1="worker") for version in routed],
        [subscription("sub_1", "worker", ["other.*"])],
    )
    return StreamReader(MemoryStreams(None, entries), through)  # type: ignore[arg-type]


def versions_by_page(
    read: StreamReader, limit: int, caller: Caller = PLANNER, **asked: Any
) -> list[list[int]]:
    first, last = asked.get("between", ALL)
    span = StreamSpan(STREAM, first, last, backward=asked.get("backward", False))
    pages, behind = [], None
    while True:
        found, behind = read.page(span, limit, caller, behind=behind)
        pages.append([each.version for each in found])
        assert [each.found.event.id for each in found] == [f"evt_{each}" for each in pages[-1]]
        if behind is None:
            return pages


def test_pages_go_forward_and_backward(executor: Executor) -> None:
    read = reader(executor, [{}] * 5)
    assert versions_by_page(read, 2) == [[1, 2], [3, 4], [5]]
    assert versions_by_page(read, 2, backward=True) == [[5, 4], [3, 2], [1]]
    assert versions_by_page(read, 2, between=(2, 4)) == [[2, 3], [4]]
    assert versions_by_page(read, 5) == [[1, 2, 3, 4, 5]]
    assert versions_by_page(read, 9, between=(4, 2)) == [[]]


def test_a_stream_that_does_not_exist_is_empty(executor: Executor) -> None:
    read = reader(executor, [{}] * 5)
    other = StreamName("worker", "task/1")
    assert read.page(StreamSpan(other, *ALL), 10, AN_ADMIN) == ([], None)


def test_a_stranger_sees_what_was_routed_to_it_and_no_more(executor: Executor) -> None:
    read = reader(executor, [{"n": n} for n in range(1, 8)], routed=[2, 5])
    worker = service("worker")
    assert versions_by_page(read, 10, worker) == [[2, 5]]
    assert versions_by_page(read, 1, worker) == [[2], [5], []]
    assert versions_by_page(read, 10, service("nobody")) == [[]]


def test_events_that_use_ids_of_expired_ones_are_missing(executor: Executor) -> None:
    read = reader(executor, [{"n": 1}, {"n": 2}, {"n": 3}], reused=[1, 3])
    assert versions_by_page(read, 10) == [[2]]


def test_expired_events_are_missing(executor: Executor) -> None:
    read = reader(executor, [None, {"a": 1}, None, {"b": 2}])
    assert versions_by_page(read, 10) == [[2, 4]]


@settings(max_examples=50)
@given(
    payloads=st.lists(
        st.none() | st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(0, 3)),
        max_size=12,
    ),
    limit=st.integers(1, 5),
    backward=st.booleans(),
)
def test_any_stream_is_read_whole_and_in_order(
    executor: Executor, payloads: list[dict[str, Any] | None], limit: int, backward: bool
) -> None:
    read = reader(executor, payloads)
    pages = versions_by_page(read, limit, backward=backward)
    there = [version for version, payload in enumerate(payloads, 1) if payload is not None]
    assert [each for page in pages for each in page] == (there[::-1] if backward else there)
    assert all(len(page) <= limit for page in pages)
