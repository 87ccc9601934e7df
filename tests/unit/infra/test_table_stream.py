"""Which records of the events table reach the router and the audit log."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus.matching.pattern import EventPattern
from event_bus.stores.archive_runs import ByteRange
from event_bus.stores.event_items import stub_of, to_item

from tests.builders import event

ITEM = to_item(replace(event(), kept=True), 30)
STUB = stub_of(ITEM, ByteRange("a", 0, 1))


@pytest.mark.parametrize(
    ("name", "image", "passed"),
    [
        ("INSERT", ITEM, True),
        # It took the place of an expired event.
        ("MODIFY", ITEM, True),
        ("MODIFY", STUB, False),
        ("REMOVE", None, False),
        # What cannot be read is set aside by the function.
        ("INSERT", {"id": {"S": "evt_broken"}}, True),
    ],
)
def test_events_are_passed_when_they_are_stored(
    name: str, image: dict[str, Any] | None, passed: bool
) -> None:
    from infra.table_stream import STORED_EVENTS

    change = {"Keys": {"id": {"S": "evt_1"}}, **({"NewImage": image} if image else {})}
    record = {"eventName": name, "dynamodb": change}
    assert any(EventPattern(each).matches(record) for each in STORED_EVENTS) is passed
