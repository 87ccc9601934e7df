"""Whatever is changed in a chain is found."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus.audit.verifier import Verifier
from event_bus.model.audit_chain import AuditBlock, AuditHead, head_of, next_block
from hypothesis import given
from hypothesis import strategies as st

LONG_AGO, NOW = "2020-01-01T00:00:00.000Z", "2026-05-01T12:00:00.000Z"
SIGNED = "good"

Log = tuple[list[AuditBlock], list[AuditHead]]


def written(sizes: list[int], at: str = NOW) -> Log:
    """A log of so many blocks, of so many entries each, and its heads."""
    blocks: list[AuditBlock] = []
    last: AuditHead | None = None
    for number, size in enumerate(sizes):
        entries = [{"id": f"{number}-{place}"} for place in range(size)]
        # Without the key, another hash cannot be signed like this.
        block = next_block("operations", last, at, entries)
        block = replace(block, signature=f"{SIGNED}:{block.number}:{block.hash}")
        blocks.append(block)
        last = head_of(block)
    return blocks, [head_of(block) for block in blocks]


def genuine(head: AuditHead) -> bool:
    return head.signature == f"{SIGNED}:{head.number}:{head.hash}"


def faults(
    blocks: list[AuditBlock], heads: list[AuditHead], kept_since: str = LONG_AGO
) -> list[str]:
    return list(Verifier(genuine, kept_since).faults("operations", blocks, heads))


logs = st.lists(st.integers(1, 3), min_size=2, max_size=6).map(written)


@given(logs)
def test_an_unchanged_chain_has_no_faults(log: Log) -> None:
    assert faults(*log) == []
    blocks, heads = log
    assert faults(blocks, list(reversed(heads))) == []


@given(logs, st.data())
def test_an_edit_is_found(log: Log, data: st.DataObject) -> None:
    blocks, heads = log
    place = data.draw(st.integers(0, len(blocks) - 1))
    edited = replace(blocks[place], entries=({"id": "other"},))
    assert faults([*blocks[:place], edited, *blocks[place + 1 :]], heads)
    # A chain whose hashes were all computed again is found as well, because its signatures are
    # missing.
    forged = next_block("operations", head_of(blocks[place - 1]) if place else None, NOW, [{}])
    for signature in ("", blocks[place].signature):
        again = replace(forged, signature=signature)
        assert faults([*blocks[:place], again], heads)


@given(logs, st.data())
def test_a_deletion_is_found_at_every_place(log: Log, data: st.DataObject) -> None:
    blocks, heads = log
    place = data.draw(st.integers(0, len(blocks) - 1))
    assert faults([*blocks[:place], *blocks[place + 1 :]], heads)
    assert faults(blocks[:place], heads)


@given(logs, st.data())
def test_a_change_of_places_is_found(log: Log, data: st.DataObject) -> None:
    blocks, heads = log
    place = data.draw(st.integers(0, len(blocks) - 2))
    one, other = blocks[place], blocks[place + 1]
    swapped = [replace(other, number=one.number), replace(one, number=other.number)]
    assert faults([*blocks[:place], *swapped, *blocks[place + 2 :]], heads)


@given(logs)
def test_a_forged_head_is_found(log: Log) -> None:
    blocks, heads = log
    forged = replace(heads[-1], hash="0" * 64)
    assert faults(blocks, [*heads[:-1], forged])
    assert faults(blocks, [*heads, replace(forged, number=99)])


def test_a_lost_head_is_no_fault() -> None:
    blocks, heads = written([1, 2, 3])
    assert faults(blocks, heads[:-1]) == []


def test_expired_blocks_at_the_beginning_are_no_fault() -> None:
    old, heads = written([1, 1, 1], at=LONG_AGO)
    assert faults(old[2:], heads, kept_since=NOW) == []
    assert faults(old[2:], heads, kept_since=LONG_AGO)
    # Out of the middle nothing expires.
    assert faults([old[0], old[2]], heads, kept_since=NOW)


@pytest.mark.parametrize("member", ["chain", "number", "at", "previous"])
def test_every_part_of_a_block_is_hashed(member: str) -> None:
    [block], _ = written([1])
    other: Any = {"chain": "events", "number": 7, "at": LONG_AGO, "previous": "1" * 64}[member]
    assert block.intact
    changed: Any = {member: other}
    assert not replace(block, **changed).intact
