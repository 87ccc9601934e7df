"""Whoever pages through a list sees every event of it once, in order."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from event_bus.matching.event_types import matches_type
from event_bus.model.event import Event
from event_bus.querying import event_finder
from event_bus.querying.event_finder import EventFinder
from event_bus.querying.event_query import EventQuery
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import AN_ADMIN, event
from tests.unit.event_bus.querying.memory import finder

# Few moments and ids that begin alike: neighbours are what a cursor could mix up.
MOMENTS = [f"2026-05-01T12:00:00.{millis:03}Z" for millis in (0, 1, 9, 10)]
IDS = ["0", "a", "a-", "a0", "a:", "aA", "a_", "aa", "az", "zz", "a--", "a-0", "Z"]
TYPES = ["task.created", "task.closed", "role.made", "eventbus"]

EVENTS = st.lists(
    st.builds(
        lambda name, kind, source, moment, trace: event(
            name,
            kind,
            source,
            timestamp=moment,
            metadata={"trace_id": trace} if trace else {},
        ),
        st.sampled_from(IDS),
        st.sampled_from(TYPES),
        st.sampled_from(["planner", "other"]),
        st.sampled_from(MOMENTS),
        st.sampled_from([None, "t"]),
    ),
    max_size=10,
    unique_by=lambda made: made.id,
)
QUERIES = st.builds(
    EventQuery,
    type=st.sampled_from([None, None, "task.*", "*.made", "role.made"]),
    source=st.sampled_from([None, None, "planner"]),
    trace_id=st.sampled_from([None, None, "t"]),
    since=st.sampled_from([None, *MOMENTS]),
    until=st.sampled_from([None, *MOMENTS]),
    order=st.sampled_from(["newest", "oldest"]),
    limit=st.integers(1, 4),
)


def expected(events: list[Event], query: EventQuery) -> list[str]:
    fitting = [
        each
        for each in events
        if (query.type is None or matches_type(query.type, each.type))
        and query.source in (None, each.source)
        and query.trace_id in (None, each.metadata.get("trace_id"))
        and (query.since is None or each.timestamp >= query.since)
        and (query.until is None or each.timestamp < query.until)
    ]
    fitting.sort(key=lambda each: (each.timestamp, each.id), reverse=query.order == "newest")
    return [each.id for each in fitting]


def paged(through: EventFinder, query: EventQuery) -> list[str]:
    found: list[str] = []
    behind = None
    for _ in range(40):
        page = through.page(query, behind, AN_ADMIN)
        assert len(page.found) <= query.limit
        found += [each.event.id for each in page.found]
        behind = page.position
        if behind is None:
            return found
    raise AssertionError("the list has no end")


@pytest.fixture(scope="module")
def small_budget() -> Iterator[None]:
    """Has a request look at a few events only, so that pages are short."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_finder, "READ_BUDGET", 3)
        yield


@settings(max_examples=150, deadline=None, derandomize=True)
@given(events=EVENTS, query=QUERIES)
def test_every_event_is_seen_once_and_in_order(events: list[Event], query: EventQuery) -> None:
    with ThreadPoolExecutor(2) as executor:
        through, _ = finder(executor, events)
        assert paged(through, query) == expected(events, query)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(events=EVENTS, query=QUERIES)
def test_short_pages_lose_nothing(
    small_budget: None, events: list[Event], query: EventQuery
) -> None:
    with ThreadPoolExecutor(2) as executor:
        through, _ = finder(executor, events)
        assert paged(through, query) == expected(events, query)
