"""The table of the audit log. Blocks are added and never changed."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from event_bus import times
from event_bus.model.audit_chain import AuditBlock, Chain
from event_bus.stores.items import ConditionFailed, document, number, text
from event_bus.stores.table import Table


@dataclass(frozen=True, slots=True)
class AuditStore:
    """Adds and reads the blocks of the chains.

    Attributes:
        table: The table.
        retention_days: How many days a block is kept.
    """

    table: Table
    retention_days: int = 0

    def add(self, block: AuditBlock) -> bool:
        """Adds a block.

        If the answer to a request was lost, the repeated request is refused by its own block. The
        caller then adds the entries in another block: they are in the log twice, but not lost.

        Returns:
            Whether the number of the block was free.
        """
        with suppress(ConditionFailed):
            self.table.put(
                {
                    "chain": text(block.chain),
                    "number": number(block.number),
                    "at": text(block.at),
                    "previous": text(block.previous),
                    "hash": text(block.hash),
                    "signature": text(block.signature),
                    "entries": document(list(block.entries)),
                    "expires_at": number(times.expiry(self.retention_days)),
                },
                ConditionExpression="attribute_not_exists(#number)",
                ExpressionAttributeNames={"#number": "number"},
            )
            return True
        return False

    def last(self, chain: Chain) -> AuditBlock | None:
        """Returns the last block of a chain, or None."""
        return next(self.backwards(chain, limit=1), None)

    def backwards(
        self, chain: Chain, *, below: int | None = None, limit: int
    ) -> Iterator[AuditBlock]:
        """Yields blocks of a chain, the last one first.

        Args:
            chain: The chain.
            below: The number below which it begins; None for the end of the chain.
            limit: The largest number of blocks.
        """
        items = self.table.query(
            limit,
            KeyConditionExpression="#chain = :chain AND #number < :below",
            ExpressionAttributeNames={"#chain": "chain", "#number": "number"},
            ExpressionAttributeValues={
                ":chain": text(chain),
                ":below": number(10**15 if below is None else below),
            },
            ConsistentRead=True,
            ScanIndexForward=False,
        )
        yield from map(_block, items)

    def forwards(self, chain: Chain) -> Iterator[AuditBlock]:
        """Yields all blocks of a chain, the first one first."""
        items = self.table.query_all(
            KeyConditionExpression="#chain = :chain",
            ExpressionAttributeNames={"#chain": "chain"},
            ExpressionAttributeValues={":chain": text(chain)},
            ConsistentRead=True,
        )
        yield from map(_block, items)


def _block(item: Mapping[str, Any]) -> AuditBlock:
    return AuditBlock(
        chain=item["chain"]["S"],
        number=int(item["number"]["N"]),
        at=item["at"]["S"],
        previous=item["previous"]["S"],
        entries=tuple(orjson.loads(item["entries"]["S"])),
        hash=item["hash"]["S"],
        signature=item["signature"]["S"],
    )
