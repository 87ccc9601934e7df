"""Times as RFC 3339 writes them: UTC, with milliseconds."""

import re
import threading
import time
from datetime import UTC, datetime

_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,12})?([Zz]|[+-]\d{2}:[0-5]\d)", re.ASCII
)


# The first and the last time that can be written, in seconds since 1970.
_FIRST, _LAST = -62_135_596_800.0, 253_402_300_799.999


def unix() -> float:
    """Returns the present Unix time, in seconds."""
    return time.time()


class SteadyClock:
    """The monotonic clock, plus the time for which it stood still.

    It may stand still while a function is frozen between two invocations. Then the wall clock moves
    ahead of it. If somebody sets the wall clock, forward or back, the difference counts as time
    that has passed. So things expire too early rather than too late.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._missed = 0.0
        self._compared = time.monotonic(), time.time()

    def read(self) -> float:
        """Returns the seconds since an arbitrary moment; they never decrease."""
        with self._lock:
            monotonic, wall = time.monotonic(), time.time()
            steady, elapsed = monotonic - self._compared[0], wall - self._compared[1]
            if abs(elapsed - steady) > _STEP_SECONDS:
                self._missed += max(abs(elapsed) - steady, 0.0)
                self._compared = monotonic, wall
            return monotonic + self._missed


_STEP_SECONDS = 0.1
"""The least difference between the two clocks that counts. Smaller ones add up to it."""

_steady_clock = SteadyClock()


def steady() -> float:
    """Returns a monotonic time in seconds, which includes the time that a function is frozen."""
    return _steady_clock.read()


def sleep(seconds: float) -> None:
    """Waits for some seconds."""
    time.sleep(seconds)


def now() -> str:
    """Returns the present time, RFC 3339."""
    return at(unix())


def at(seconds: float) -> str:
    """Returns a Unix time, in seconds, as an RFC 3339 text.

    A time before the year 1 becomes the first time of that year, and a time after 9999 the last
    time of that year. The bus computes such times, because a client may send a time near these
    ends.
    """
    return _text(datetime.fromtimestamp(min(max(seconds, _FIRST), _LAST), UTC))


def seconds(text: str) -> float:
    """Returns the Unix time, in seconds, of a text that this module wrote."""
    return datetime.fromisoformat(text).timestamp()


def after(wait: float) -> str:
    """Returns the time that is some seconds from now, RFC 3339."""
    return at(unix() + wait)


def parse(text: str) -> str:
    """Reads an RFC 3339 time.

    Args:
        text: The time, with its offset.

    Returns:
        The same moment in UTC, cut to milliseconds; texts of this form sort by time.

    Raises:
        ValueError: The text is not such a time.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(
            "must be an RFC 3339 time with an offset, such as 2026-05-01T12:00:00.000Z"
        )
    # Python reads at most six digits of a second's fraction.
    fraction = match[1] or ""
    whole = text.upper().replace(fraction, fraction[:7], 1) if fraction else text.upper()
    try:
        return _text(datetime.fromisoformat(whole).astimezone(UTC))
    except (ValueError, OverflowError):
        if _is_leap_second(whole):
            raise ValueError(
                "must not be a leap second, which the bus cannot keep: "
                "send the last millisecond before it, such as 2016-12-31T23:59:59.999Z"
            ) from None
        raise ValueError("must be a date and time that exist") from None


def _is_leap_second(text: str) -> bool:
    # RFC 3339 has them as second 60, at the end of a day in UTC (5.6 and appendix D).
    if text[17:19] != "60":
        return False
    try:
        before = datetime.fromisoformat(f"{text[:17]}59{text[19:]}").astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return (before.hour, before.minute) == (23, 59)


def expiry(days: int) -> int:
    """Returns the Unix time, in seconds, at which an item expires that is written now.

    Raises:
        ValueError: `days` is 0: the store was built for reading, and its items would expire at
            once.
    """
    if not days:
        raise ValueError(
            "this function has no retention period, so it must not write items that expire"
        )
    return int(unix()) + days * 86_400


def _text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
