"""The cost of archiving kept events, and the months after which it has paid for itself.

Sizes are measured with the bus's own items, stubs and objects, and costed at list prices. Run it
with `python -m benchmarks.archive`; it takes a few seconds.
"""

import math
import random
from dataclasses import dataclass, replace
from typing import Any

import orjson
from event_bus.ids import new_id
from event_bus.maintenance.archiving import MOST_EVENTS
from event_bus.model.event import EventOrigin
from event_bus.requests.event import EventSubmission, accept
from event_bus.stores.archive_runs import pack
from event_bus.stores.event_items import stub_of, to_item
from rich.console import Console
from rich.table import Table

from benchmarks import prices

PAYLOADS = (100, 300, 1_000, 4_000, 16_000)
"""The approximate sizes of the measured payloads, in bytes."""

_STREAM_LENGTH = 10
_KB = 1024


@dataclass(frozen=True)
class Measured:
    """The bytes of an event, and the dollars that its archiving costs and saves.

    Attributes:
        payload: The approximate size of its payload.
        item: Its item in the table.
        stub: The stub that takes its place.
        archived: Its share of an object.
    """

    payload: int
    item: float
    stub: float
    archived: float

    @property
    def once(self) -> float:
        """The cost of moving an event."""
        writes = -(-self.item // _KB) * prices.WRITE_UNIT
        # Half a unit for each 4 KB, since the reads need not be consistent.
        reads = -(-self.item // (4 * _KB)) / 2 * prices.READ_UNIT
        return writes + reads + prices.S3_PUT / MOST_EVENTS

    @property
    def before(self) -> float:
        """The cost of its item in a month."""
        return self.item * prices.DYNAMODB_BYTE_MONTH

    @property
    def after(self) -> float:
        """The cost of its stub and its share of an object in a month."""
        return self.stub * prices.DYNAMODB_BYTE_MONTH + self.archived * prices.S3_BYTE_MONTH

    @property
    def months(self) -> int:
        """After how many months the archive has paid for itself."""
        return math.ceil(self.once / (self.before - self.after))


def measured(payload: int) -> Measured:
    """Measures an object full of events.

    Args:
        payload: The approximate size of their payloads, in bytes.
    """
    rng = random.Random(7)
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(3, 10))) for _ in range(3_000)]
    items = [_item(number, payload, words, rng) for number in range(MOST_EVENTS)]
    content, places = pack([orjson.dumps(item) for item in items])
    stubs = [stub_of(item, place) for item, place in zip(items, places, strict=True)]
    return Measured(
        payload,
        sum(map(_size, items)) / MOST_EVENTS,
        sum(map(_size, stubs)) / MOST_EVENTS,
        len(content) / MOST_EVENTS,
    )


def _item(number: int, payload: int, words: list[str], rng: random.Random) -> dict[str, Any]:
    members: dict[str, Any] = {"task_id": f"task_{number // _STREAM_LENGTH}", "status": "open"}
    while len(orjson.dumps(members)) < payload:
        members[rng.choice(words)] = " ".join(rng.choices(words, k=min(6, payload // 20)))
    sent = {
        "type": "task.changed",
        "payload": members,
        "metadata": {
            "stream_id": f"task/task_{number // _STREAM_LENGTH}",
            "correlation_id": f"{rng.getrandbits(128):032x}",
        },
    }
    event = accept(EventSubmission.model_validate(sent), "planning_service")
    metadata = {**event.metadata, "stream_version": number % _STREAM_LENGTH + 1}
    origin = EventOrigin("planning_service", new_id("key"), "203.0.113.7")
    return to_item(replace(event, metadata=metadata, origin=origin, kept=True), 1)


def _size(item: dict[str, Any]) -> int:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html:
    # names and texts in UTF-8. A number takes about half of its digits, which is little here.
    return sum(len(name) + len(str(*value.values()).encode()) for name, value in item.items())


def main() -> None:
    """Measures, and prints the table."""
    table = Table("payload", title=f"Dollars for a million kept events ({prices.AS_OF})")
    for name in ("item", "stub", "archived", "moving", "before", "after", "months"):
        table.add_column(name, justify="right")
    for payload in PAYLOADS:
        found = measured(payload)
        dollars = (found.once, found.before, found.after)
        table.add_row(
            f"{payload:,} B",
            *(f"{each:,.0f} B" for each in (found.item, found.stub, found.archived)),
            *(f"{each * prices.MILLION:.2f}" for each in dollars),
            str(found.months),
        )
    Console().print(table)


if __name__ == "__main__":
    main()
