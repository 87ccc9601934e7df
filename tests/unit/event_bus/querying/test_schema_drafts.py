"""Schemas are drafted from the events that a caller may see."""

from collections.abc import Collection, Iterator
from concurrent.futures import Executor
from dataclasses import replace

import pytest
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.api.documents.schemas import drafts_document
from event_bus.paging import MAX_PAGE_BYTES, PAGE_SECONDS
from event_bus.querying import schema_drafts
from event_bus.querying.event_finder import EventFinder, FoundEvent, FoundPage
from event_bus.querying.schema_drafts import SchemaDraft, SchemaDrafts

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import AN_ADMIN, event, service


@pytest.fixture
def described() -> set[str]:
    return set()


@pytest.fixture
def drafts(aws: Aws, executor: Executor, described: set[str]) -> SchemaDrafts:
    def known() -> Collection[str]:
        return described

    return SchemaDrafts(aws.event_finder(executor), known)


def publish(aws: Aws, event_id: str, event_type: str, **payload: object) -> None:
    made = replace(event(event_id, payload=payload), type=event_type)
    aws.events.put(made, RETENTION_DAYS)


def types(drafts: SchemaDrafts, caller: Caller = AN_ADMIN, only: str | None = None) -> list[str]:
    return [each.type for each in drafts.of(only, caller)]


def test_each_type_without_a_schema_has_a_draft(
    aws: Aws, drafts: SchemaDrafts, described: set[str]
) -> None:
    publish(aws, "evt_1", "task.created", title="a")
    publish(aws, "evt_2", "task.created", title="b", due="2026-05-01")
    publish(aws, "evt_3", "user.created", name="Ada")
    described.add("user.created")

    [draft] = drafts.of(None, AN_ADMIN)
    assert (draft.type, draft.events) == ("task.created", 2)
    assert isinstance(draft.schema, dict)
    assert draft.schema["required"] == ["title"]
    described.clear()
    assert types(drafts) == ["task.created", "user.created"]
    assert types(drafts, only="user.*") == ["user.created"]


def test_a_draft_is_made_from_what_the_caller_may_see(aws: Aws, drafts: SchemaDrafts) -> None:
    publish(aws, "evt_1", "task.created", title="a")

    assert types(drafts, service("stranger")) == []
    assert types(drafts, service(event().source)) == ["task.created"]


def test_one_request_looks_at_so_many_events(
    aws: Aws, drafts: SchemaDrafts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_drafts, "MAX_EVENTS", 4)
    monkeypatch.setattr(schema_drafts, "_PAGE", 2)
    for number in range(9):
        publish(aws, f"evt_{number}", "task.created", n=number)

    [draft] = drafts.of(None, AN_ADMIN)
    assert draft.events == 4


def test_no_further_events_are_read_when_that_takes_long(
    drafts: SchemaDrafts, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0

    def slow(*_: object) -> FoundPage:
        nonlocal now
        now += PAGE_SECONDS * 0.6
        return FoundPage([FoundEvent(event(), None)], "more")

    monkeypatch.setattr(EventFinder, "page", slow)
    monkeypatch.setattr(times, "steady", lambda: now)
    [draft] = drafts.of(None, AN_ADMIN)
    assert draft.events == 2


def test_an_answer_has_as_many_drafts_as_fit(aws: Aws, drafts: SchemaDrafts) -> None:
    publish(aws, "evt_1", "task.created", title="a")
    publish(aws, "evt_2", "user.created", name="Ada")
    shown = drafts_document(drafts.of(None, AN_ADMIN))
    assert [each["type"] for each in shown["items"]] == ["task.created", "user.created"]
    assert shown["complete"]

    made: list[str] = []

    def large() -> Iterator[SchemaDraft]:
        for name in ("a.b", "a.c", "a.d", "a.e"):
            made.append(name)
            yield SchemaDraft(name, 1, "", "", {"title": "x" * (MAX_PAGE_BYTES // 2 - 1_000)})

    shown = drafts_document(large())
    assert [each["type"] for each in shown["items"]] == ["a.b", "a.c"]
    assert not shown["complete"]
    assert made == ["a.b", "a.c", "a.d"]
