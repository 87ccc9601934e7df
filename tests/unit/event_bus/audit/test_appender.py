"""Entries are appended in as few blocks as a table can hold."""

from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from event_bus.audit import appender as appending
from event_bus.audit.appender import AuditAppender
from event_bus.model.audit_chain import AuditBlock, AuditHead, Chain
from event_bus.model.audit_entries import MAX_ENTRY_BYTES
from event_bus.stores.audit import AuditStore

from tests.aws import Aws

ITEM_BYTES = 400 * 1024


@dataclass
class Log:
    """The blocks that were added, and their signatures."""

    blocks: list[AuditBlock] = field(default_factory=list)
    heads: list[AuditHead] = field(default_factory=list)

    def last(self, _: Chain) -> AuditBlock | None:
        return self.blocks[-1] if self.blocks else None

    def latest(self, _: Chain) -> AuditHead | None:
        return self.heads[-1] if self.heads else None

    def add(self, block: AuditBlock) -> bool:
        assert sum(len(repr(each)) for each in block.entries) < ITEM_BYTES
        self.blocks.append(block)
        return True

    def put(self, head: AuditHead) -> None:
        self.heads.append(head)

    def signed(self, block: AuditBlock) -> AuditBlock:
        return block


def test_entries_of_the_largest_size_fit_into_blocks(aws: Aws) -> None:
    store = AuditStore(aws.table("audit"), 30)
    log: Any = Log()
    largest = {"id": "r", "text": '"' * (MAX_ENTRY_BYTES // 2 - 10)}
    assert len(orjson.dumps(largest)) <= MAX_ENTRY_BYTES
    AuditAppender(store, log, log).append("events", [largest] * 30)
    assert [each for block in store.forwards("events") for each in block.entries] == [largest] * 30
    assert len(log.heads) == 8


@pytest.mark.parametrize(
    ("count", "size", "blocks"), [(0, 0, 0), (1, 10, 1), (1_000, 100, 1), (1_000, 900, 4)]
)
def test_entries_are_divided_into_blocks(count: int, size: int, blocks: int) -> None:
    log: Any = Log()
    entries = [{"id": str(number), "text": "x" * size} for number in range(count)]
    AuditAppender(log, log, log).append("events", entries)
    assert len(log.blocks) == len(log.heads) == blocks
    assert [each for block in log.blocks for each in block.entries] == entries
    assert [block.number for block in log.blocks] == list(range(1, blocks + 1))
    for before, block in zip(log.blocks, log.blocks[1:], strict=False):
        assert block.previous == before.hash


def test_a_chain_whose_blocks_have_expired_is_continued() -> None:
    log: Any = Log()
    appender = AuditAppender(log, log, log)
    appender.append("events", [{"id": "a"}])
    last = log.blocks.pop()
    appender.append("events", [{"id": "b"}])
    assert [(each.number, each.previous) for each in log.blocks] == [(last.number + 1, last.hash)]


def test_a_chain_without_a_separate_head_is_continued() -> None:
    log: Any = Log()
    appender = AuditAppender(log, log, log)
    appender.append("events", [{"id": "a"}])
    log.heads.clear()
    appender.append("events", [{"id": "b"}])
    first, second = log.blocks
    assert (second.number, second.previous) == (2, first.hash)


def test_a_writer_that_is_always_too_late_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appending, "attempts", range)
    log: Any = Log()
    log.add = lambda _: False
    with pytest.raises(TimeoutError, match="of events grows"):
        AuditAppender(log, log, log).append("events", [{"id": "a"}])
    assert log.heads == []
