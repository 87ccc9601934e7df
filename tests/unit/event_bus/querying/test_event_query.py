"""The parameters of a list are read strictly."""

import pytest
from event_bus.api.operations.events import LIST, selection
from event_bus.api.query import Query
from event_bus.errors import MalformedRequest
from event_bus.querying.event_query import EventQuery
from event_bus.stores.listings import ListedEvent


def read_event_query(sent: dict[str, str]) -> EventQuery:
    return selection(Query(sent, LIST.query))


ENTRY = ListedEvent("p", "evt_1", "task.created", "planner", "c", "t")


def test_without_parameters_the_newest_fifty_are_asked_for() -> None:
    assert read_event_query({}) == EventQuery(order="newest", limit=50)


def test_every_parameter_is_read() -> None:
    query = read_event_query(
        {
            "type": "task.*",
            "source": "planner",
            "correlation_id": "c",
            "trace_id": "t",
            "from": "2026-05-01T14:00:00+02:00",
            "to": "2026-05-02T00:00:00Z",
            "processed": "false",
            "order": "oldest",
            "limit": "7",
        }
    )
    assert query == EventQuery(
        type="task.*",
        source="planner",
        correlation_id="c",
        trace_id="t",
        since="2026-05-01T12:00:00.000Z",
        until="2026-05-02T00:00:00.000Z",
        processed=False,
        order="oldest",
        limit=7,
    )


def test_a_plus_sign_that_became_a_space_is_understood() -> None:
    query = read_event_query({"from": "2026-05-01T14:00:00 02:00"})
    assert query.since == "2026-05-01T12:00:00.000Z"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "task.x*"),
        ("type", ""),
        ("from", "yesterday"),
        ("to", "2026-05-01"),
        ("processed", "yes"),
        ("processed", "True"),
        ("order", "random"),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "-1"),
        ("limit", "1.0"),
        ("limit", "٣"),
        ("limit", "²"),
        ("limit", "9" * 5_000),
    ],
)
def test_a_parameter_that_cannot_be_read_is_named(name: str, value: str) -> None:
    with pytest.raises(MalformedRequest) as refusal:
        read_event_query({name: value})
    assert [fault.pointer for fault in refusal.value.faults] == [name]


@pytest.mark.parametrize(
    ("query", "selected"),
    [
        (EventQuery(), True),
        (EventQuery(type="task.*"), True),
        (EventQuery(type="task"), False),
        (EventQuery(source="planner", correlation_id="c", trace_id="t"), True),
        (EventQuery(source="other"), False),
        (EventQuery(correlation_id="x"), False),
        (EventQuery(trace_id="x"), False),
    ],
)
def test_an_entry_fits_or_not(query: EventQuery, selected: bool) -> None:
    assert query.selects(ENTRY) is selected


@pytest.mark.parametrize(
    ("asked", "domain"),
    [(None, None), ("task.created", "task"), ("task.*", "task"), ("*.made", None), ("*", None)],
)
def test_a_type_that_is_certain_names_a_domain(asked: str | None, domain: str | None) -> None:
    assert EventQuery(type=asked).domain == domain
