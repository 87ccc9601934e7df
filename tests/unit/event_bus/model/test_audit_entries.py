"""Entries are bounded by bytes, whatever callers send, and name who published an event."""

from dataclasses import replace

import orjson
import pytest
from event_bus.model.audit_entries import (
    MAX_ENTRY_BYTES,
    MAX_TEXT_BYTES,
    entry,
    of_events,
    read_entry,
)
from event_bus.model.event import Event, EventOrigin

from tests.builders import NOON, event


@pytest.mark.parametrize(
    "chosen", ["x" * 9_000, "é" * 9_000, "\u0001" * 9_000, "😀" * 9_000, "\ud800" * 9_000]
)
def test_a_text_that_a_caller_chose_is_cut(chosen: str) -> None:
    made = entry("r-1", NOON, "key.revoke", chosen, chosen, "denied", service_id=chosen)
    for text in (made["actor"], made["resource"], made["details"]["service_id"]):
        assert len(text.encode()) <= MAX_TEXT_BYTES
        assert text.endswith("…")
    # A control character takes six bytes as JSON.
    assert len(orjson.dumps(made)) <= 3 * 6 * MAX_TEXT_BYTES + 300


@pytest.mark.parametrize("chosen", ["sub_01K", "x" * MAX_TEXT_BYTES, "é" * (MAX_TEXT_BYTES // 2)])
def test_a_text_that_fits_stays_whole(chosen: str) -> None:
    assert entry("r-1", NOON, "key.revoke", "shop", chosen, "denied")["resource"] == chosen


def test_an_entry_that_is_too_large_is_not_taken_from_the_queue() -> None:
    made = entry("r-1", NOON, "key.revoke", "shop", None, "denied", texts=["é" * 30_000])
    assert read_entry(orjson.dumps(made).decode()) == made
    made["details"]["texts"] *= 2
    assert len(orjson.dumps(made)) > MAX_ENTRY_BYTES
    with pytest.raises(ValueError, match="at most"):
        read_entry(orjson.dumps(made).decode())


def published(event_id: str, origin: EventOrigin | None) -> Event:
    return replace(event(event_id, source="shop"), origin=origin)


def test_events_of_one_key_and_address_share_an_entry() -> None:
    shop = EventOrigin("shop", "ebk_1", "203.0.113.7")
    admin = EventOrigin("admin", None, "203.0.113.9")
    entries = of_events(
        [
            published("evt_1", shop),
            published("evt_2", admin),
            published("evt_3", shop),
            published("evt_4", None),
        ]
    )
    assert [
        (
            each["actor"],
            each["ip_address"],
            each["details"].get("key_id"),
            each["details"]["source"],
            each["details"]["event_ids"],
        )
        for each in entries
    ] == [
        ("shop", "203.0.113.7", "ebk_1", "shop", ["evt_1", "evt_3"]),
        ("admin", "203.0.113.9", None, "shop", ["evt_2"]),
        ("shop", None, None, "shop", ["evt_4"]),
    ]
