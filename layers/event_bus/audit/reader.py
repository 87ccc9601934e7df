"""Reading the audit log, the newest first, out of all chains together."""

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass

from event_bus.errors import MalformedRequest
from event_bus.model.audit_chain import CHAINS, Chain, Entry
from event_bus.stores.audit import AuditStore

READ_BUDGET = 100
"""How many blocks of each chain one request looks at."""

_BLOCKS = 10
_POSITION = re.compile(r"[0-9]{1,15}\.[0-9]{1,9}(:[0-9]{1,15}\.[0-9]{1,9})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """The filters of the log: what an entry must hold.

    Attributes:
        since: The first timestamp, included.
        until: The last timestamp, excluded.
        members: What its members must be, by name.
    """

    since: str | None
    until: str | None
    members: dict[str, str]

    def selects(self, entry: Entry) -> bool:
        """Whether an entry fits."""
        return (
            (self.since is None or entry["timestamp"] >= self.since)
            and (self.until is None or entry["timestamp"] < self.until)
            and all(entry[name] == value for name, value in self.members.items())
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a chain: above it lies what was read."""

    chain: Chain
    number: int
    index: int


_Found = tuple[str, _Place, Entry | None]


@dataclass(frozen=True, slots=True)
class AuditReader:
    """Reads the log.

    Attributes:
        blocks: The chains.
    """

    blocks: AuditStore

    def page(
        self, query: AuditQuery, position: str | None, limit: int
    ) -> tuple[list[tuple[str, Entry]], str | None]:
        """A page of entries.

        Args:
            query: What they must be.
            position: Where the page before ended.
            limit: How many at most.

        Returns:
            The entries, each with its position, and where the page ends; None at the end of the
            log. After `READ_BUDGET` blocks the rest is left to the next request.
        """
        places = _read(position)
        found: dict[str, tuple[str, Entry]] = {}
        walks = [self._walk(places[chain], query) for chain in CHAINS]
        for _, place, entry in heapq.merge(*walks, key=_newest, reverse=True):
            if entry is None:
                # The chain has more than this request looks at: it ends here for all of them.
                return list(found.values()), _written(places)
            places[place.chain] = place
            if query.selects(entry):
                # A repeated entry is there twice.
                found.setdefault(entry["id"], (_written(places), entry))
                if len(found) == limit:
                    return list(found.values()), _written(places)
        return list(found.values()), None

    def _walk(self, place: _Place, query: AuditQuery) -> Iterator[_Found]:
        below, index = place.number + 1, place.index
        for _ in range(READ_BUDGET // _BLOCKS):
            blocks = list(self.blocks.backwards(place.chain, below=below, limit=_BLOCKS))
            for block in blocks:
                if query.since and block.at < query.since:
                    return
                entries = block.entries if block.number < place.number else block.entries[:index]
                for at in range(len(entries) - 1, -1, -1):
                    entry = entries[at]
                    # An entry may be older than those of the block before, but not than its block.
                    yield block.at, _Place(place.chain, block.number, at), entry
                below = block.number
            if len(blocks) < _BLOCKS:
                return
        yield "~", _Place(place.chain, below, 0), None


def _newest(found: _Found) -> str:
    return found[0]


def _read(position: str | None) -> dict[Chain, _Place]:
    places = {chain: _Place(chain, 10**14, 0) for chain in CHAINS}
    if position:
        if not _POSITION.fullmatch(position) or position.count(":") != len(CHAINS) - 1:
            raise MalformedRequest.at("cursor", "is not one that this API gave")
        for chain, text in zip(CHAINS, position.split(":"), strict=True):
            number, _, index = text.partition(".")
            places[chain] = _Place(chain, int(number), int(index))
    return places


def _written(places: dict[Chain, _Place]) -> str:
    return ":".join(f"{places[chain].number}.{places[chain].index}" for chain in CHAINS)
