"""Writes to the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from event_bus import times
from event_bus.audit.signer import Signer
from event_bus.batches import batches
from event_bus.conflicts import attempts
from event_bus.model.audit_chain import Chain, Entry, head_of, next_block
from event_bus.stores.audit import AuditStore
from event_bus.stores.audit_heads import AuditHeads

_ATTEMPTS = 8
_BLOCK_BYTES = 300 * 1024
"""The most bytes of entries in a block; an item of DynamoDB holds 400 KB."""


@dataclass(frozen=True, slots=True)
class AuditAppender:
    """Appends entries to chains.

    Attributes:
        blocks: The chains.
        heads: The signed heads of the chains, which are stored separately.
        signer: Signs heads.
    """

    blocks: AuditStore
    heads: AuditHeads
    signer: Signer

    def append(self, chain: Chain, entries: Sequence[Entry]) -> None:
        """Appends entries as signed blocks, and stores the head of each block separately.

        One block holds all entries, unless they are too large for one. Repeated entries are written
        again; readers recognise them by their id.

        Args:
            chain: The chain.
            entries: The entries; nothing happens without any.

        Raises:
            TimeoutError: Another writer was faster in every attempt.
        """
        for block in batches(entries, _size, most=len(entries), most_bytes=_BLOCK_BYTES):
            self._append(chain, block)

    def _append(self, chain: Chain, entries: Sequence[Entry]) -> None:
        for _ in attempts(_ATTEMPTS):
            last = self.blocks.last(chain)
            # If all blocks have expired, the chain continues from its separately stored head.
            head = head_of(last) if last else self.heads.latest(chain)
            block = self.signer.signed(next_block(chain, head, times.now(), entries))
            if self.blocks.add(block):
                self.heads.put(head_of(block))
                return
        raise TimeoutError(f"the audit log of {chain} grows too fast")


def _size(entry: Entry) -> int:
    return len(orjson.dumps(entry))
