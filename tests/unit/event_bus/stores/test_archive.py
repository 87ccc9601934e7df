"""Archived events read as before, however they were paged and wherever it was interrupted."""

import gzip
import random
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from event_bus.batches import chunks
from event_bus.model.event import Event
from event_bus.stores.archive import ArchiveStore
from event_bus.stores.archive_runs import RUN_BYTES, ArchiveDamaged, ByteRange, pack, spans, unpack
from event_bus.stores.event_archive import EventArchive
from event_bus.stores.event_items import events_in, is_stub, stub_of, to_item
from event_bus.stores.events import EventStore
from event_bus.stores.payloads import PayloadStore, is_missing
from event_bus.stores.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.tables import EVENTS, TABLES
from tests.builders import event
from tests.simulation.dynamodb import MemoryDynamoDB
from tests.simulation.process import Inline
from tests.simulation.s3 import MemoryS3
from tests.simulation.seam import carried_out
from tests.simulation.tables import Tables


class Crashed(Exception):
    """The process ended at a call."""


@dataclass
class Crash:
    """Ends the process before or after one of its calls."""

    at: int
    before: bool
    calls: int = 0

    def __call__(self, _service: str, _operation: str, carry_out: Any) -> Any:
        self.calls += 1
        if self.calls != self.at:
            return carry_out()
        if not self.before:
            carry_out()
        raise Crashed


class World:
    """A table and a bucket, and whoever reads and archives."""

    def __init__(self) -> None:
        self.tables = Tables(TABLES)
        self.objects: dict[tuple[str, str], bytes] = {}
        self.gets = 0
        self.store = EventStore(
            Table(MemoryDynamoDB(self.tables), "events"),  # type: ignore[arg-type]
            PayloadStore(self._s3(), "payloads"),
            archive=ArchiveStore(self._s3(), "payloads", Inline),  # type: ignore[arg-type]
        )

    def _s3(self) -> Any:
        return MemoryS3(self.objects, self._count)

    def _count(self, _service: str, operation: str, carry_out: Any) -> Any:
        self.gets += operation == "GetObject"
        return carry_out()

    def archiver(self, intercept: Any) -> EventArchive:
        """One that may crash at any of its calls."""
        archive = ArchiveStore(MemoryS3(self.objects, intercept), "payloads", Inline)  # type: ignore[arg-type]
        client: Any = MemoryDynamoDB(self.tables, intercept)
        return EventArchive(Table(client, "events"), archive, Inline())  # type: ignore[arg-type]

    def archive(self, ids: list[str], intercept: Any = carried_out) -> None:
        archiver = self.archiver(intercept)
        if found := archiver.kept(ids, odd=False):
            archiver.move(found)


def made(number: int, stream: int, size: int) -> Event:
    letters = random.Random(number).choices("abcdefghij", k=size)
    sent = event(
        f"evt_{number}",
        payload={"n": number, "text": "".join(letters)},
        metadata={"stream_id": f"task/{stream}"},
    )
    versioned = {**sent.metadata, "stream_version": number + 1}
    return replace(sent, metadata=versioned, kept=True, created_at=sent.timestamp)


@settings(max_examples=60, deadline=None)
@given(
    shapes=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 15_000)), min_size=1, max_size=12),
    page=st.integers(1, 12),
    crashes=st.lists(st.tuples(st.integers(1, 16), st.booleans()), max_size=3),
    data=st.data(),
)
def test_every_event_reads_the_same_before_and_after(
    shapes: list[tuple[int, int]],
    page: int,
    crashes: list[tuple[int, bool]],
    data: st.DataObject,
) -> None:
    world = World()
    events = {each.id: each for each in (made(n, *shape) for n, shape in enumerate(shapes))}
    for each in events.values():
        world.store.put(each, 30)
    order = data.draw(st.permutations(sorted(events)))
    for at, before in crashes:
        crash = Crash(at, before)
        try:
            for chunk in chunks(list(order), page):
                world.archive(chunk, crash)
        except Crashed:
            pass
        assert world.store.get_many(order) == events
    for chunk in chunks(list(order), page):
        world.archive(chunk)
    assert all(map(is_stub, world.tables.items["events"].values()))
    assert world.store.get_many(order) == events
    assert {each: world.store.get(each) for each in order} == events
    # Nothing is stored a third time: an object is written once, and once more for each crash.
    pages = -(-len(order) // page)
    assert len(world.objects) <= pages + len(crashes)


def test_neighbours_in_a_stream_are_read_by_one_request() -> None:
    world = World()
    events = [made(number, number % 5, 700) for number in range(400)]
    for each in events:
        world.store.put(each, 30)
    world.archive([each.id for each in events])
    [content] = world.objects.values()
    for number in range(5):
        stream = {each.id: each for each in events[number::5]}
        world.gets = 0
        assert world.store.get_many(stream) == stream
        assert world.gets == 1
    lines = sum(len(orjson.dumps(to_item(each, 30))) for each in events)
    assert len(content) < lines * 0.7


def test_events_of_several_objects_are_read_side_by_side() -> None:
    world = World()
    events = [made(number, 0, 10) for number in range(30)]
    for each in events:
        world.store.put(each, 30)
        world.archive([each.id])
    assert len(world.objects) == 30
    threads = partial(ThreadPoolExecutor, 4)
    store = replace(world.store, archive=replace(world.store.archive, threads=threads))  # type: ignore[type-var]
    ids = [each.id for each in events]
    assert store.get_many(ids) == dict(zip(ids, events, strict=True))
    assert world.gets == 30


def test_a_run_is_independent_of_its_neighbours_and_standard_gzip() -> None:
    lines = [orjson.dumps({"id": {"S": f"evt_{n}"}, "x": {"S": "y" * 9_000}}) for n in range(40)]
    content, places = pack(lines)
    assert pack(lines) == (content, places)
    runs = sorted({(each.offset, each.length) for each in places})
    assert len(runs) == -(-40 // (RUN_BYTES // len(lines[0])))
    # As a whole, it is a file of lines for any tool.
    assert gzip.decompress(content).splitlines() == lines
    for line, place in zip(lines, places, strict=True):
        assert orjson.loads(line) in unpack(content[place.offset : place.end])
        assert ByteRange.read(str(place)) == place


@pytest.mark.parametrize("text", ["", "a/b", "a/1/b", "a/1/2/3"])
def test_an_unreadable_archive_place_is_reported_as_damaged(text: str) -> None:
    with pytest.raises(ArchiveDamaged):
        ByteRange.read(text)


def test_a_run_that_expands_without_end_is_damaged() -> None:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    item = orjson.dumps({"id": {"S": "evt_1"}, "text": {"S": "0" * 4 * 1024 * 1024}})
    bomb = compressor.compress(item) + compressor.flush()
    with pytest.raises(ArchiveDamaged):
        list(unpack(bomb))


@pytest.mark.parametrize("cut", [slice(0, -1), slice(1, None), slice(0, 0)])
def test_a_part_of_a_run_and_more_than_a_run_are_damaged(cut: slice) -> None:
    run, _ = pack([b'{"id":{"S":"evt_1"}}'])
    assert [*unpack(run)] == [{"id": {"S": "evt_1"}}]
    for damaged in (run[cut], run + b"x", run + run):
        with pytest.raises(ArchiveDamaged):
            list(unpack(damaged))


def test_the_largest_item_of_dynamodb_is_read_again() -> None:
    # JSON writes six characters for each of these.
    item = {"id": {"S": "e1"}, "payload": {"S": "\x01" * 400 * 1024}}
    content, [_, place] = pack([b"{}", orjson.dumps(item)])
    assert [*unpack(content[place.offset : place.end])][-1] == item


def test_ranges_are_joined_across_short_gaps_alone() -> None:
    near, far = ByteRange("a", 0, 100), ByteRange("a", 500_000, 100)
    beside, other = ByteRange("a", 20_000, 100), ByteRange("b", 100, 100)
    assert [each.places for each in spans([far, beside, near, other, near])] == [
        [near, beside],
        [far],
        [other],
    ]
    row = [ByteRange("a", 60_000 * number, 60_000) for number in range(40)]
    assert all(each.end - each.offset <= 1024 * 1024 for each in spans(row))
    assert [place for each in spans(row) for place in each.places] == row


def test_a_stub_has_all_that_the_indexes_hold() -> None:
    sent = event(metadata={"correlation_id": "c", "trace_id": "t"})
    item = to_item(replace(sent, kept=True), 30)
    stub = stub_of(item, ByteRange("a", 1, 2))
    # It was stored at another time than it happened, so it is in every index.
    indexed = {"id"}
    for index in EVENTS.indexes:
        assert index.sort_key
        indexed |= {index.partition_key.name, index.sort_key.name, *(index.include or ())}
    assert stub == {**{name: item[name] for name in indexed}, "archived": {"S": "a/1/2"}}


def test_the_table_stream_ignores_stubs() -> None:
    item = to_item(replace(event(), kept=True), 30)
    images = [item, stub_of(item, ByteRange("a", 1, 2)), {"id": {"S": "evt_broken"}}]
    records = [{"dynamodb": {"Keys": {"id": each["id"]}, "NewImage": each}} for each in images]
    events, unreadable = events_in(records)
    assert [each.id for each in events] == ["evt_1"]
    assert unreadable == ["evt_broken"]


def test_a_function_without_the_archive_does_not_take_a_stub_for_an_event() -> None:
    world = World()
    world.store.put(made(0, 0, 1), 30)
    world.archive(["evt_0"])
    bare = replace(world.store, archive=None)
    with pytest.raises(LookupError):
        bare.get_many(["evt_0"])


def test_a_lost_object_affects_no_other_event() -> None:
    world = World()
    events = {f"evt_{number}": made(number, 0, 10) for number in range(4)}
    for each in events.values():
        world.store.put(each, 30)
    for ids in (["evt_0"], ["evt_1", "evt_2"]):
        world.archive(ids)
    first, second = world.objects
    world.objects[second] = world.objects[second][:-9]
    found, unreadable = world.store.readable(events)
    assert (sorted(found), unreadable) == (["evt_0", "evt_3"], {"evt_1", "evt_2"})
    del world.objects[first]
    assert world.store.readable(events)[1] == {"evt_0", "evt_1", "evt_2"}


@pytest.mark.parametrize("content", [b"5\n", b"{}\n", b'{"id":"evt_0"}\n', b"[]\n", b'{"id":{}}\n'])
def test_a_run_of_something_else_affects_no_other_event(content: bytes) -> None:
    world = World()
    for number in range(2):
        world.store.put(made(number, 0, 10), 30)
    world.archive(["evt_0"])
    [name] = world.objects
    run = gzip.compress(content)
    world.objects[name] = run
    key = ("evt_0",)
    place = f"{name[1].removeprefix('archive/')}/0/{len(run)}"
    world.tables.items["events"][key]["archived"] = {"S": place}
    found, unreadable = world.store.readable(["evt_0", "evt_1"])
    assert (sorted(found), unreadable) == (["evt_1"], {"evt_0"})
    assert world.store.existing(["evt_0", "evt_1", "evt_2"]) == {"evt_0", "evt_1"}


def test_an_object_that_somebody_moved_to_another_storage_class_is_missing() -> None:
    for code, missing in (("InvalidObjectState", True), ("SlowDown", False)):
        assert is_missing(ClientError({"Error": {"Code": code}}, "GetObject")) is missing


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (ClientError({"Error": {"Code": "ValidationException"}}, "PutItem"), 0),
        (ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem"), None),
        (ConnectionClosedError(endpoint_url="https://aws.example"), None),
    ],
)
def test_a_stub_that_is_refused_for_its_content_holds_up_no_other(
    error: Exception, left: int | None
) -> None:
    world = World()
    for number in range(3):
        world.store.put(made(number, 0, 1), 30)
    ids = ["evt_0", "evt_1", "evt_2"]
    refused: list[str] = []

    def refuse_one(_service: str, operation: str, carry_out: Any) -> Any:
        if operation == "PutItem" and not refused:
            refused.append(operation)
            raise error
        return carry_out()

    if left is None:
        with pytest.raises(type(error)):
            world.archive(ids, refuse_one)
    else:
        world.archive(ids, refuse_one)
        stubs = [each for each in world.tables.items["events"].values() if is_stub(each)]
        assert len(stubs) == 2
    assert world.store.get_many(ids).keys() == set(ids)
