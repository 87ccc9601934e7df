"""Finds versions of event streams by time."""

from event_bus import times
from event_bus.model.stream_name import StreamName
from event_bus.model.stream_version import MAX_VERSION
from event_bus.stores.streams import DISORDER_SECONDS, StreamEntry, StreamStore

_PAGE = 100


def version_at(streams: StreamStore, stream: StreamName, moment: str) -> int:
    """Returns the version before the first event that was stored after a time (RFC 3339).

    The number of reads grows with the logarithm of the stream's length, and with the number of
    events that were stored within about a minute of the time.
    """
    low = version_certainly_before(streams, stream, moment, streams.last_version(stream))
    while entries := streams.between(stream, low + 1, MAX_VERSION, _PAGE):
        for each in entries:
            if each.created_at > moment:
                return each.version - 1
        low = entries[-1].version
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
    # The times of a stream are out of order by seconds at most.
    certainly_by = times.at(times.seconds(moment) - DISORDER_SECONDS)
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


def _first_from(
    streams: StreamStore, stream: StreamName, version: int, last: int
) -> StreamEntry | None:
    found = streams.between(stream, version, last, 1)
    return found[0] if found else None
