"""Moving events that never expire from their table to the archive.

The object is written first. Then a stub takes the place of each item that is still the same.
Whatever fails in between, every event is readable: from its item, or from the object of its stub.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from event_bus.batches import blames_content
from event_bus.log import logger
from event_bus.stores.archive import ArchiveStore
from event_bus.stores.archive_runs import ByteRange
from event_bus.stores.event_items import from_item, is_odd, is_stub, stub_of
from event_bus.stores.items import ConditionFailed, Item, text
from event_bus.stores.table import Table


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event that never expires, and is not in the archive yet.

    Attributes:
        id: Its identifier.
        order: Its place beside others in an object: by source, stream and version.
        line: Its item as JSON.
        item: Its item.
    """

    id: str
    order: tuple[str, str, int]
    line: bytes
    item: Item


@dataclass(frozen=True, slots=True)
class EventArchive:
    """Finds kept events, and moves them to the archive.

    Attributes:
        table: The events table.
        store: The objects of the archive.
        executor: Writes stubs side by side.
    """

    table: Table
    store: ArchiveStore
    executor: Executor

    def kept(self, event_ids: Iterable[str], *, odd: bool) -> list[KeptEvent]:
        """Returns those of some events that never expire and are not archived.

        Args:
            event_ids: The events. One that cannot be read stays in the table.
            odd: Whether to return the events that were stored at another time than they happened,
                or the others.
        """
        keys = [{"id": text(event_id)} for event_id in event_ids]
        found: list[KeptEvent] = []
        # An item that has just become a stub is refused when its stub is written again.
        for item in self.table.batch_get(keys):
            if "expires_at" in item or is_stub(item):
                continue
            try:
                event = from_item(item)
                if is_odd(event) is not odd:
                    continue
                stream = event.stream.stream_id if event.stream else ""
                order = (event.source, stream, event.stream_version or 0)
                found.append(KeptEvent(event.id, order, orjson.dumps(item), item))
            except (LookupError, ValueError, TypeError):
                _set_aside(item["id"]["S"])
        return found

    def move(self, events: Sequence[KeptEvent]) -> int:
        """Moves events to one object of the archive.

        Returns:
            The size of the object, in bytes.

        Raises:
            ClientError, BotoCoreError: AWS refused a request or did not answer; the events may be
            moved again.
        """
        ordered = sorted(events, key=lambda each: (each.order, each.id))
        places, size = self.store.put([each.line for each in ordered])
        list(self.executor.map(self._put_stub, ordered, places))
        return size

    def _put_stub(self, event: KeptEvent, place: ByteRange) -> None:
        try:
            with suppress(ConditionFailed):
                self.table.put(
                    stub_of(event.item, place),
                    ConditionExpression="digest = :digest AND created_at = :created_at "
                    "AND attribute_not_exists(expires_at)",
                    ExpressionAttributeValues={
                        ":digest": event.item["digest"],
                        ":created_at": event.item["created_at"],
                    },
                )
        except (ClientError, BotoCoreError) as error:
            if not blames_content(error):
                raise
            _set_aside(event.id)


def _set_aside(event_id: str) -> None:
    # It stays in the table, readable as before, and delays no other event.
    logger.exception("event cannot be archived", event_id=event_id)
