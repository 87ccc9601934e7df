"""The log is read the newest first, out of both chains, in pages that miss nothing."""

from typing import Any

import pytest
from event_bus.audit.reader import AuditQuery, AuditReader
from event_bus.errors import MalformedRequest
from event_bus.model.audit_chain import AuditBlock, Chain, head_of, next_block
from event_bus.model.audit_entries import entry
from event_bus.stores.audit import AuditStore

from tests.aws import Aws

EVERYTHING = AuditQuery(None, None, {})


def at(second: int) -> str:
    return f"2026-05-01T12:{second // 60:02d}:{second % 60:02d}.000Z"


@pytest.fixture
def store(aws: Aws) -> AuditStore:
    return AuditStore(aws.table("audit"), 30)


def fill(store: AuditStore, chain: Chain, seconds: list[list[int]]) -> None:
    last: AuditBlock | None = None
    for written in seconds:
        entries = [
            entry(f"{chain}-{each}", at(each), "key.create", f"actor-{each % 3}", None, "success")
            for each in written
        ]
        last = next_block(chain, head_of(last) if last else None, at(written[-1]), entries)
        assert store.add(last)


def ids(found: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [each["id"] for _, each in found]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_miss_nothing(store: AuditStore, limit: int) -> None:
    fill(store, "operations", [[1, 2], [5], [8, 9, 10], *([n] for n in range(40, 70))])
    fill(store, "events", [[3], [4, 6], [7], [30]])
    reader, position = AuditReader(store), None
    seen: list[str] = []
    while True:
        found, position = reader.page(EVERYTHING, position, limit)
        seen += ids(found)
        if position is None:
            break
    assert len(seen) == len(set(seen)) == 41
    assert seen[:3] == ["operations-69", "operations-68", "operations-67"]
    assert seen[-2:] == ["operations-2", "operations-1"]


def test_reading_can_continue_behind_any_entry_of_a_page(store: AuditStore) -> None:
    fill(store, "operations", [[1, 2], [5], [8, 9, 10]])
    fill(store, "events", [[3], [4, 6], [7]])
    reader = AuditReader(store)
    whole, _ = reader.page(EVERYTHING, None, 100)
    for place, (position, _) in enumerate(whole):
        rest, _ = reader.page(EVERYTHING, position, 100)
        assert ids(rest) == ids(whole[place + 1 :])


def test_blocks_of_many_megabytes_are_read_to_the_end(store: AuditStore) -> None:
    last: AuditBlock | None = None
    for number in range(12):
        written = entry(f"{number}", at(number), "key.create", "x" * 300_000, None, "success")
        last = next_block("operations", head_of(last) if last else None, at(number), [written])
        assert store.add(last)
    # DynamoDB answers with 1 MB at a time, which is less than the blocks that are asked for.
    found, position = AuditReader(store).page(EVERYTHING, None, 100)
    assert (ids(found), position) == ([f"{number}" for number in reversed(range(12))], None)


def test_blocks_of_one_moment_are_read(store: AuditStore) -> None:
    fill(store, "operations", [[1], [2, 2]])
    fill(store, "events", [[1], [2]])
    found, position = AuditReader(store).page(EVERYTHING, None, 100)
    assert position is None
    assert {each[-1] for each in ids(found)[:2]} == {"2"}
    assert sorted(ids(found)) == ["events-1", "events-2", "operations-1", "operations-2"]


def test_filters_hold(store: AuditStore) -> None:
    fill(store, "operations", [[number] for number in range(20)])
    reader = AuditReader(store)
    found, position = reader.page(AuditQuery(at(6), at(9), {"actor": "actor-0"}), None, 50)
    assert (ids(found), position) == (["operations-6"], None)


def test_a_long_search_is_left_to_the_next_request(store: AuditStore) -> None:
    fill(store, "operations", [[number] for number in range(150)])
    reader = AuditReader(store)
    newest, _ = reader.page(EVERYTHING, None, 1)
    assert ids(newest) == ["operations-149"]
    query = AuditQuery(None, None, {"actor": "nobody"})
    found, position = reader.page(query, None, 50)
    assert found == []
    assert position
    assert reader.page(query, position, 50) == ([], None)


def test_a_block_stands_once(store: AuditStore) -> None:
    fill(store, "operations", [[1]])
    assert not store.add(next_block("operations", None, at(2), [{}]))


@pytest.mark.parametrize("position", ["x", "1", "1.1", "1.1:x.1", "1.1:1.1:1.1", "-1.1:1.1"])
def test_a_forged_position_is_refused(store: AuditStore, position: str) -> None:
    with pytest.raises(MalformedRequest):
        AuditReader(store).page(EVERYTHING, position, 1)
