"""Finds versions of event streams by time."""

from collections.abc import Callable

from event_bus import times
from event_bus.model.stream_name import StreamName
from event_bus.model.stream_version import MAX_VERSION
from event_bus.stores.streams import StreamEntry, StreamStore

_PAGE = 100

_DISORDER_SECONDS = 60
"""How far the times of a stream may be out of the order of its versions, in seconds.

An event gets its time first and its version a moment later. Another event may come between them.
"""


def version_at(streams: StreamStore, stream: StreamName, moment: str) -> int:
    """Returns the version before the first event that was stored after a time (RFC 3339)."""
    return _version_before_first(streams, stream, moment, lambda each: each.created_at > moment)


def version_before(streams: StreamStore, stream: StreamName, moment: str) -> int:
    """Returns the version before the first event stored at a time (RFC 3339) or later."""
    return _version_before_first(streams, stream, moment, lambda each: each.created_at >= moment)


def _version_before_first(
    streams: StreamStore, stream: StreamName, moment: str, is_late: Callable[[StreamEntry], bool]
) -> int:
    """Returns the version before the first event that is late, in a stream around a time.

    One read decides if the time is among the last events, as it usually is. Otherwise the number of
    reads grows with the logarithm of the stream's length, and with the number of events that were
    stored within about a minute of the time.
    """
    low = 0
    entries = streams.between(stream, 1, MAX_VERSION, _PAGE, newest_first=True)[::-1]
    if len(entries) == _PAGE and entries[0].created_at >= _certainly_by(moment):
        low = version_certainly_before(streams, stream, moment, entries[0].version)
        entries = streams.between(stream, low + 1, MAX_VERSION, _PAGE)
    while entries:
        for each in entries:
            if is_late(each):
                return each.version - 1
        low = entries[-1].version
        entries = streams.between(stream, low + 1, MAX_VERSION, _PAGE)
    return low


def version_certainly_before(
    streams: StreamStore, stream: StreamName, moment: str, last: int
) -> int:
    """Returns a version up to which every event was stored before a time (RFC 3339).

    It is within about a minute of the time. The number of reads grows with the logarithm of the
    stream's length.

    Args:
        streams: The streams.
        stream: The stream.
        moment: The time.
        last: The highest version to return.
    """
    certainly_by = _certainly_by(moment)
    low, high = 0, last
    while low < high:
        middle = (low + high + 1) // 2
        entry = _first_from(streams, stream, middle, high)
        if entry is None:
            high = middle - 1
        elif entry.created_at < certainly_by:
            low = entry.version
        else:
            high = middle - 1
    return low


def _certainly_by(moment: str) -> str:
    """Returns a time before which only events come that precede all those of another time."""
    return times.at(times.seconds(moment) - _DISORDER_SECONDS)


def _first_from(
    streams: StreamStore, stream: StreamName, version: int, last: int
) -> StreamEntry | None:
    found = streams.between(stream, version, last, 1)
    return found[0] if found else None
