"""Lists of events: the indexes of the events table, read in the order of their positions."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

from event_bus.stores.items import text
from event_bus.stores.listings import POSITIONS, Listing, ListPage, Partition, entry
from event_bus.stores.table import Table

LOOK_BUDGET = 20_000
"""The number of index entries that one request reads."""

_DEEPEST = 2_000


@dataclass(frozen=True, slots=True)
class EventList:
    """Reads one list of events, several partitions at a time.

    Attributes:
        table: The events table.
        listing: The partitions that hold the list, and the filter of their entries.
        executor: Reads partitions in parallel.
        newest_first: Whether the list begins with the newest event.
    """

    table: Table
    listing: Listing
    executor: Executor
    newest_first: bool = True

    def page(self, between: tuple[str, str], depth: int) -> ListPage:
        """Returns the first entries between two positions, each event once, in order.

        Args:
            between: The lower and the upper position, both included.
            depth: The largest number of entries that are read of each partition.
        """
        if between[0] > between[1]:
            return ListPage((), None, 0)
        read = list(
            self.executor.map(
                lambda partition: self._read(partition, between, depth), self.listing.partitions
            )
        )
        # The list is complete up to where the first partition was read to.
        ends = [each.reached for each in read if each.reached is not None]
        end = (max if self.newest_first else min)(ends) if ends else None
        merged = {
            found.position: found
            for each in read
            for found in each.entries
            if end is None
            or (found.position >= end if self.newest_first else found.position <= end)
        }
        entries = [merged[key] for key in sorted(merged, reverse=self.newest_first)]
        return ListPage(entries, end, sum(each.looked_at for each in read))

    def pages(
        self, between: Callable[[str | None], tuple[str, str]], behind: str | None, depth: int
    ) -> Iterator[ListPage]:
        """Yields page after page, until the list ends or `LOOK_BUDGET` entries were read.

        Each page is read four times deeper than the one before, because entries that pass the
        filter may be rare.

        Args:
            between: Returns the lower and the upper position of what follows a position, or of the
                whole list.
            behind: The position after which the first page begins; None for the whole list.
            depth: The largest number of entries that the first page reads of each partition.
        """
        looked_at = 0
        while looked_at < LOOK_BUDGET:
            page = self.page(between(behind), depth)
            yield page
            if page.reached is None:
                return
            behind = page.reached
            looked_at += page.looked_at
            left = (LOOK_BUDGET - looked_at) // len(self.listing.partitions)
            depth = max(1, min(4 * depth, _DEEPEST, left))

    def _read(self, partition: Partition, between: tuple[str, str], depth: int) -> ListPage:
        key, position = POSITIONS[partition.index]
        left_out = self.listing.filter()
        answer = self.table.query_once(
            depth,
            IndexName=partition.index,
            KeyConditionExpression="#partition = :partition AND #position BETWEEN :first AND :last",
            **{
                **left_out,
                "ExpressionAttributeNames": {
                    "#partition": key,
                    "#position": position,
                    **left_out.get("ExpressionAttributeNames", {}),
                },
                "ExpressionAttributeValues": {
                    ":partition": text(partition.key),
                    ":first": text(between[0]),
                    ":last": text(between[1]),
                    **left_out.get("ExpressionAttributeValues", {}),
                },
            },
            ScanIndexForward=not self.newest_first,
        )
        last = answer.get("LastEvaluatedKey")
        return ListPage(
            [entry(item, position) for item in answer["Items"]],
            last[position]["S"] if last else None,
            answer["ScannedCount"],
        )
