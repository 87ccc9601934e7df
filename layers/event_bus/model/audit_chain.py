"""The chain: blocks of entries, each of which holds the hash of the one before."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

Chain = Literal["operations", "events"]
"""What was asked of the API, and which events were accepted: two chains, each with one writer."""

CHAINS: tuple[Chain, ...] = ("operations", "events")

BEGINNING = "0" * 64
"""What stands for the hash before the first block."""

Entry = dict[str, Any]
"""`id, timestamp, action, actor, resource, resource_type, details, status, ip_address`."""


@dataclass(frozen=True, slots=True)
class Block:
    """Entries that were written together.

    Attributes:
        chain: The chain that it is part of.
        number: Its place there, from 1 on.
        at: When it was written, RFC 3339.
        previous: The hash of the block before.
        entries: The entries, in order.
        hash: Its own hash, over all of these.
        signature: The signature over how far the chain has come with it, in base64.
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
        """Whether its hash is that of what it holds."""
        return self.hash == _hash(self.chain, self.number, self.at, self.previous, self.entries)


@dataclass(frozen=True, slots=True)
class Head:
    """How far a chain had come, as it is kept apart from it, signed.

    Attributes:
        chain: The chain.
        number: The number of the last block then.
        hash: The hash of that block.
        at: When it was written, RFC 3339.
        signature: The signature over these, in base64.
    """

    chain: Chain
    number: int
    hash: str
    at: str
    signature: str = ""

    @property
    def signed(self) -> bytes:
        """What the signature is over."""
        return f"{self.chain}\n{self.number}\n{self.hash}\n{self.at}".encode()


def next_block(chain: Chain, last: Head | None, at: str, entries: Sequence[Entry]) -> Block:
    """The block that follows.

    Args:
        chain: The chain.
        last: How far it has come; None at its beginning.
        at: The time, RFC 3339.
        entries: What is written.
    """
    number, previous = (last.number + 1, last.hash) if last else (1, BEGINNING)
    written = tuple(entries)
    return Block(chain, number, at, previous, written, _hash(chain, number, at, previous, written))


def head_of(block: Block) -> Head:
    """How far the chain has come with a block."""
    return Head(block.chain, block.number, block.hash, block.at, block.signature)


def _hash(chain: str, number: int, at: str, previous: str, entries: Sequence[Entry]) -> str:
    content = [chain, number, at, previous, list(entries)]
    # Sorted members, so that it does not hang on how a store keeps them.
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
