"""Versions are found by time, also where the times of a stream are out of order by a moment."""

import itertools

from event_bus import times
from event_bus.model.stream_name import StreamName
from event_bus.stores.stream_times import version_at
from event_bus.stores.streams import StreamEntry
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
)
def test_the_version_before_the_first_event_that_came_later(
    aws: Aws, waits: list[tuple[int, int]], asked: int
) -> None:
    stream, at, created = StreamName("planner", f"task/{next(_NUMBERS)}"), 0, []
    for version, (wait, disorder) in enumerate(waits, 1):
        at += wait
        created.append(moment(at + disorder))
        entry = StreamEntry(version, f"evt_{version}", created[-1])
        transact(aws.streams.adding_parts(stream, [entry], listed=True))
    later = [place for place, each in enumerate(created) if each > moment(asked)]
    expected = later[0] if later else len(created)
    assert version_at(aws.streams, stream, moment(asked)) == expected


def test_long_streams_are_not_read_whole(aws: Aws) -> None:
    stream = StreamName("planner", "task/1")
    for version in range(1, 301):
        entry = StreamEntry(version, f"evt_{version}", moment(version * 100))
        transact(aws.streams.adding_parts(stream, [entry], listed=True))
    read: list[int] = []

    class Counting(type(aws.streams)):  # type: ignore[misc]
        __slots__ = ()

        def between(self, *asked: object, **more: object) -> list[StreamEntry]:
            found: list[StreamEntry] = super().between(*asked, **more)
            read.append(len(found))
            return found

    counting = Counting(aws.table("streams"))
    assert version_at(counting, stream, moment(5_050)) == 50
    assert len(read) < 12
    assert sum(read) < 120
