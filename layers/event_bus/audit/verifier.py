"""Verifies that an audit log is unchanged."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from event_bus.model.audit_chain import AuditBlock, AuditHead, Chain, head_of


@dataclass(frozen=True, slots=True)
class Verifier:
    """Finds changes of an audit log.

    Attributes:
        genuine: Returns whether the signature of a head is genuine.
        kept_since: Blocks from before this time, RFC 3339, may have expired.
    """

    genuine: Callable[[AuditHead], bool]
    kept_since: str

    def faults(
        self, chain: Chain, blocks: Iterable[AuditBlock], heads: Iterable[AuditHead]
    ) -> Iterator[str]:
        """Yields the faults of a chain as text, each with the block; none if it is unchanged.

        Args:
            chain: The chain.
            blocks: Its blocks, in the order of their numbers.
            heads: Its separately stored heads, in any order.
        """
        found: dict[int, AuditBlock] = {}
        last: AuditBlock | None = None
        for block in blocks:
            yield from self._faults_of(block, last)
            found[block.number] = last = block
        for head in sorted(heads, key=lambda each: each.number):
            kept = found.get(head.number)
            name = f"{chain} {head.number}"
            if kept and head == head_of(kept):
                continue
            if not self.genuine(head):
                yield f"{name}: the separately stored head is forged"
            elif kept:
                yield f"{name}: another block was written there"
            elif head.at >= self.kept_since:
                yield f"{name}: the block is missing"

    def _faults_of(self, block: AuditBlock, last: AuditBlock | None) -> Iterator[str]:
        name = f"{block.chain} {block.number}"
        if not block.intact:
            yield f"{name}: its content was changed"
        elif not self.genuine(head_of(block)):
            yield f"{name}: its signature is forged"
        if last and block.number != last.number + 1:
            yield f"{name}: it does not follow the block before it, {last.number}"
        elif last and block.previous != last.hash:
            yield f"{name}: the block before it is another one"
