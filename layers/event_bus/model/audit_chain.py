"""The chains of the audit log: blocks of entries, each with the hash of its predecessor."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

Chain = Literal["operations", "events"]
"""The chain of requests and the chain of accepted events, each with one writer."""

CHAINS: tuple[Chain, ...] = ("operations", "events")

BEGINNING = "0" * 64
"""The previous hash of the first block."""

Entry = dict[str, Any]
"""An entry of the log, as `audit_entries.entry` makes it."""


@dataclass(frozen=True, slots=True)
class AuditBlock:
    """Entries that were written together.

    Attributes:
        chain: Its chain.
        number: Its position in the chain, from 1 on.
        at: When it was written, RFC 3339.
        previous: The hash of the block before.
        entries: The entries, in order.
        hash: The hash of all the members above.
        signature: The signature of the chain's head, in base64.
    """

    chain: Chain
    number: int
    at: str
    previous: str
    entries: tuple[Entry, ...]
    hash: str
    signature: str = ""

    @property
    def intact(self) -> bool:
        """Whether its hash matches its content."""
        return self.hash == _hash(self.chain, self.number, self.at, self.previous, self.entries)


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The signed head of a chain, which is stored separately.

    Attributes:
        chain: The chain.
        number: The number of its last block.
        hash: The hash of that block.
        at: When it was written, RFC 3339.
        signature: The signature of the members above, in base64.
    """

    chain: Chain
    number: int
    hash: str
    at: str
    signature: str = ""

    @property
    def signed(self) -> bytes:
        """The signed bytes."""
        return f"{self.chain}\n{self.number}\n{self.hash}\n{self.at}".encode()


def next_block(
    chain: Chain, last: AuditHead | None, at: str, entries: Sequence[Entry]
) -> AuditBlock:
    """Returns the next block of a chain.

    Args:
        chain: The chain.
        last: Its head; None if it has no block yet.
        at: The time, RFC 3339.
        entries: The entries.
    """
    number, previous = (last.number + 1, last.hash) if last else (1, BEGINNING)
    written = tuple(entries)
    return AuditBlock(
        chain, number, at, previous, written, _hash(chain, number, at, previous, written)
    )


def head_of(block: AuditBlock) -> AuditHead:
    """Returns the head of a chain that ends with a block."""
    return AuditHead(block.chain, block.number, block.hash, block.at, block.signature)


def _hash(chain: str, number: int, at: str, previous: str, entries: Sequence[Entry]) -> str:
    content = [chain, number, at, previous, list(entries)]
    # Members are sorted, so that the hash does not depend on their order in a store.
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
