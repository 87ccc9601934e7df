"""Versions are found by time, also where the times of a stream are out of order by a moment."""

import itertools
from typing import Any
from unittest import mock

import pytest
from event_bus import times
from event_bus.model.stream_name import StreamName
from event_bus.stores import stream_times
from event_bus.stores.stream_times import version_at, version_before
from event_bus.stores.streams import StreamEntry, StreamStore
from event_bus.stores.transactions import transact
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.aws import Aws
from tests.builders import NOON

_NUMBERS = itertools.count(1)
START = times.seconds(NOON)


def moment(seconds: float) -> str:
    return times.at(START + seconds)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    waits=st.lists(st.tuples(st.integers(0, 200), st.integers(-20, 20)), max_size=30),
    asked=st.integers(-100, 3000),
    page=st.sampled_from([1, 3, 100]),
)
def test_the_version_before_the_first_event_that_is_late(
    aws: Aws, waits: list[tuple[int, int]], asked: int, page: int
) -> None:
    stream, at, created = StreamName("planner", f"task/{next(_NUMBERS)}"), 0, []
    for version, (wait, disorder) in enumerate(waits, 1):
        at += wait
        created.append(moment(at + disorder))
        entry = StreamEntry(version, f"evt_{version}", created[-1])
        transact(aws.streams.adding_parts(stream, [entry], listed=True))
    after = [place for place, each in enumerate(created) if each > moment(asked)]
    since = [place for place, each in enumerate(created) if each >= moment(asked)]
    with mock.patch.object(stream_times, "_PAGE", page):
        assert version_at(aws.streams, stream, moment(asked)) == min([*after, len(created)])
        assert version_before(aws.streams, stream, moment(asked)) == min([*since, len(created)])


@pytest.mark.parametrize(
    ("since", "version", "most_reads", "most_entries"), [(50, 49, 12, 220), (290, 289, 1, 100)]
)
def test_long_streams_are_not_read_whole(
    aws: Aws,
    monkeypatch: pytest.MonkeyPatch,
    since: int,
    version: int,
    most_reads: int,
    most_entries: int,
) -> None:
    stream, read, between = StreamName("planner", "task/1"), [], StreamStore.between
    for number in range(1, 301):
        entry = StreamEntry(number, f"evt_{number}", moment(number * 100))
        transact(aws.streams.adding_parts(stream, [entry], listed=True))

    def counted(store: StreamStore, *asked: Any, **more: Any) -> list[StreamEntry]:
        read.append(found := between(store, *asked, **more))
        return found

    monkeypatch.setattr(StreamStore, "between", counted)
    for find, at in ((version_at, since * 100 - 50), (version_before, since * 100)):
        assert find(aws.streams, stream, moment(at)) == version
        assert len(read) <= most_reads
        assert sum(map(len, read)) <= most_entries
        read.clear()
