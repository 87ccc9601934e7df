"""A deduplication key holds for its window, and no longer."""

from dataclasses import replace

import pytest
from event_bus import times
from event_bus.stores.deduplication import DeduplicationStore
from event_bus.stores.events import EventStore, Put

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import event

BEGAN = 1_800_000_000.0


@pytest.fixture
def store(aws: Aws) -> EventStore:
    keys = DeduplicationStore(aws.table("idempotency"))
    return replace(aws.events, deduplication=keys)


@pytest.mark.parametrize(
    ("window", "seconds"), [(None, 5 * 60), (1, 60), (7, 7 * 60), (60, 60 * 60)]
)
def test_a_deduplication_key_holds_until_its_window_is_over(
    store: EventStore, monkeypatch: pytest.MonkeyPatch, window: int | None, seconds: int
) -> None:
    metadata: dict[str, object] = {"deduplication_key": "order-7"}
    if window:
        metadata["deduplication_window"] = window

    def put(event_id: str, at: float) -> tuple[Put, str]:
        monkeypatch.setattr(times, "unix", lambda: BEGAN + at)
        result, stored = store.put(event(event_id, metadata=metadata), RETENTION_DAYS)
        return result, stored.id

    assert put("evt_1", 0) == (Put.STORED, "evt_1")
    assert put("evt_2", 1) == (Put.DEDUPLICATED, "evt_1")
    # Later events do not extend it.
    assert put("evt_3", seconds - 1) == (Put.DEDUPLICATED, "evt_1")
    assert put("evt_4", seconds) == (Put.STORED, "evt_4")
    # The next window is that of the event which has the key now.
    assert put("evt_5", 2 * seconds - 1) == (Put.DEDUPLICATED, "evt_4")
    assert put("evt_6", 2 * seconds) == (Put.STORED, "evt_6")


def test_a_repetition_is_answered_as_one_after_the_window_too(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = event(metadata={"deduplication_key": "order-7", "deduplication_window": 1})
    monkeypatch.setattr(times, "unix", lambda: BEGAN)
    assert store.put(first, RETENTION_DAYS)[0] is Put.STORED
    for later in (30, 90):
        monkeypatch.setattr(times, "unix", lambda later=later: BEGAN + later)
        assert store.put(first, RETENTION_DAYS)[0] is Put.REPEATED


def test_the_window_is_that_of_the_first_event(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "unix", lambda: BEGAN)
    short = {"deduplication_key": "order-7", "deduplication_window": 1}
    long = {**short, "deduplication_window": 60}
    assert store.put(event("evt_1", metadata=short), RETENTION_DAYS)[0] is Put.STORED
    assert store.put(event("evt_2", metadata=long), RETENTION_DAYS)[0] is Put.DEDUPLICATED
    monkeypatch.setattr(times, "unix", lambda: BEGAN + 61)
    assert store.put(event("evt_3", metadata=long), RETENTION_DAYS)[0] is Put.STORED


def test_a_key_is_its_publishers_own(store: EventStore) -> None:
    key = {"deduplication_key": "order-7"}
    for name, source in (("evt_1", "planner"), ("evt_2", "shop")):
        assert store.put(event(name, source=source, metadata=key), RETENTION_DAYS)[0] is Put.STORED


def test_a_key_names_no_event_after_its_window(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = event(metadata={"deduplication_key": "order-7", "deduplication_window": 1})
    monkeypatch.setattr(times, "unix", lambda: BEGAN)
    store.put(first, RETENTION_DAYS)
    assert store.deduplication
    assert store.deduplication.first(first) == "evt_1"
    monkeypatch.setattr(times, "unix", lambda: BEGAN + 60)
    assert store.deduplication.first(first) is None
