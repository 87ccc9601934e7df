"""Reads the audit log: the entries of all chains, newest first.

A position has a place for each chain, `<number of the block>.<index of the entry>`, with colons
between. The entry at that place and all newer ones were read.
"""

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass

from event_bus.model.audit_chain import CHAINS, Chain, Entry
from event_bus.paging import unknown_cursor
from event_bus.stores.audit import AuditStore

READ_BUDGET = 100
"""The most blocks of each chain that one request reads."""

_BLOCKS = 10
"""How many blocks one query reads."""

_POSITION = re.compile(r"[0-9]{1,15}\.[0-9]{1,9}(:[0-9]{1,15}\.[0-9]{1,9})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """The filters of a list of entries.

    Attributes:
        since: The beginning of the period, included.
        until: The end of the period, excluded.
        members: The required values of an entry's members, by name.
    """

    since: str | None
    until: str | None
    members: dict[str, str]

    def selects(self, entry: Entry) -> bool:
        """Returns whether an entry satisfies all filters."""
        return (
            (self.since is None or entry["timestamp"] >= self.since)
            and (self.until is None or entry["timestamp"] < self.until)
            and all(entry[name] == value for name, value in self.members.items())
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a chain: the entry there and all newer ones were read.

    Attributes:
        chain: The chain.
        number: The number of the block.
        index: The index of the entry in the block.
    """

    chain: Chain
    number: int
    index: int


_Found = tuple[str, _Place, Entry | None]
"""The time of a block, the place of an entry in it, and the entry; None if reading ends there."""


@dataclass(frozen=True, slots=True)
class AuditReader:
    """Reads the log.

    Attributes:
        blocks: The stored blocks of the chains.
    """

    blocks: AuditStore

    def page(
        self, query: AuditQuery, position: str | None, limit: int
    ) -> tuple[list[tuple[str, Entry]], str | None]:
        """Returns a page of entries.

        Args:
            query: The filters.
            position: Where the page before ended; None for the first page.
            limit: The most entries of the page.

        Returns:
            The entries, each with its position, and where the page ends; None at the end of the
            log. After `READ_BUDGET` blocks the rest is left to the next request.

        Raises:
            MalformedRequest: The position is not of this form.
        """
        places = _read(position)
        found: dict[str, tuple[str, Entry]] = {}
        walks = [self._walk(places[chain], query) for chain in CHAINS]
        for _, place, entry in heapq.merge(*walks, key=_newest, reverse=True):
            if entry is None:
                # The chain has more blocks than this request reads, so the page ends here.
                return list(found.values()), _written(places)
            places[place.chain] = place
            if query.selects(entry):
                # An entry that was appended again is in the log twice; the page shows it once.
                found.setdefault(entry["id"], (_written(places), entry))
                if len(found) == limit:
                    return list(found.values()), _written(places)
        return list(found.values()), None

    def _walk(self, place: _Place, query: AuditQuery) -> Iterator[_Found]:
        """Yields the entries of a chain below a place, and a last element if more blocks follow."""
        below, index = place.number + 1, place.index
        for _ in range(READ_BUDGET // _BLOCKS):
            blocks = list(self.blocks.backwards(place.chain, below=below, limit=_BLOCKS))
            for block in blocks:
                if query.since and block.at < query.since:
                    return
                entries = block.entries if block.number < place.number else block.entries[:index]
                for at in range(len(entries) - 1, -1, -1):
                    entry = entries[at]
                    # With the time of the block: an entry may be older than entries of the block
                    # before.
                    yield block.at, _Place(place.chain, block.number, at), entry
                below = block.number
            if len(blocks) < _BLOCKS:
                return
        # The merge yields "~" before any time, so no older entry of another chain comes first.
        yield "~", _Place(place.chain, below, 0), None


def _newest(found: _Found) -> str:
    return found[0]


def _read(position: str | None) -> dict[Chain, _Place]:
    places = {chain: _Place(chain, 10**14, 0) for chain in CHAINS}
    if position:
        if not _POSITION.fullmatch(position) or position.count(":") != len(CHAINS) - 1:
            raise unknown_cursor()
        for chain, text in zip(CHAINS, position.split(":"), strict=True):
            number, _, index = text.partition(".")
            places[chain] = _Place(chain, int(number), int(index))
    return places


def _written(places: dict[Chain, _Place]) -> str:
    return ":".join(f"{places[chain].number}.{places[chain].index}" for chain in CHAINS)
