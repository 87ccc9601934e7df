"""Times are RFC 3339, in UTC with milliseconds, and sort as texts."""

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from event_bus import times
from hypothesis import given, settings
from hypothesis import strategies as st

_OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
_MOMENTS = st.datetimes(
    datetime(1900, 1, 1),
    datetime(2100, 1, 1),
    timezones=_OFFSETS,
)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-05-01T12:00:00Z", "2026-05-01T12:00:00.000Z"),
        ("2026-05-01t12:00:00z", "2026-05-01T12:00:00.000Z"),
        ("2026-05-01T12:00:00+02:00", "2026-05-01T10:00:00.000Z"),
        ("2026-05-01T00:30:00+01:00", "2026-04-30T23:30:00.000Z"),
        ("2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00.000Z"),
        ("2026-05-01T12:00:00-00:00", "2026-05-01T12:00:00.000Z"),
        ("2026-05-01T12:00:00.1Z", "2026-05-01T12:00:00.100Z"),
        ("2026-05-01T12:00:00.12Z", "2026-05-01T12:00:00.120Z"),
        ("2026-05-01T12:00:00.1239Z", "2026-05-01T12:00:00.123Z"),
        ("2026-05-01T12:00:00.123456Z", "2026-05-01T12:00:00.123Z"),
        ("2026-05-01T12:00:00.123456789Z", "2026-05-01T12:00:00.123Z"),
        ("2026-05-01T12:00:00.999999999999+00:00", "2026-05-01T12:00:00.999Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("0001-01-01T00:00:00-01:00", "0001-01-01T01:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_is_read_as_utc(text: str, utc: str) -> None:
    assert times.parse(text) == utc


@pytest.mark.parametrize("digits", range(1, 13))
def test_a_fraction_is_cut_not_rounded(digits: int) -> None:
    text = f"2026-05-01T12:00:00.{'9' * digits}+02:00"
    assert times.parse(text) == f"2026-05-01T10:00:00.{'999'[:digits]:0<3}Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-05-01",
        "2026-05-01T12:00:00",
        "2026-05-01T12:00Z",
        "2026-05-01 12:00:00Z",
        "2026-05-01T12:00:00.Z",
        "2026-05-01T12:00:00.1234567890123Z",
        "2026-05-01T12:00:00,5Z",
        "2026-05-01T12:00:00+02",
        "2026-05-01T12:00:00+0200",
        "2026-05-01T12:00:00+24:00",
        "2026-05-01T12:00:00+00:60",
        "2026-05-01T12:00:00Z\n",
        " 2026-05-01T12:00:00Z",
        "2026-02-29T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-05-32T12:00:00Z",
        "2026-05-01T25:00:00Z",
        "2026-05-01T12:60:00Z",
        "2026-05-01T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "+2026-05-01T12:00:00Z",
        "\uff12026-05-01T12:00:00Z",
        "2026-W18-5T12:00:00Z",
    ],
)
def test_an_invalid_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must (not )?be"):
        times.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "2016-12-31T23:59:60Z",
        "2015-06-30t23:59:60.5z",
        "2017-01-01T00:59:60+01:00",
        "2016-12-31T18:29:60.999999-05:30",
    ],
)
def test_a_leap_second_has_words_of_its_own(text: str) -> None:
    with pytest.raises(ValueError, match="must not be a leap second"):
        times.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "2016-12-31T12:59:60Z",
        "2016-12-31T23:58:60Z",
        "2016-12-31T23:59:61Z",
        "2016-02-31T23:59:60Z",
    ],
)
def test_another_second_60_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="must be a date and time that exist"):
        times.parse(text)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(_MOMENTS, min_size=2, max_size=5))
def test_times_sort_as_moments_do(moments: list[datetime]) -> None:
    moments.sort()
    texts = [times.parse(moment.isoformat()) for moment in moments]
    assert texts == sorted(texts)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(_MOMENTS)
def test_reading_a_time_again_changes_nothing(moment: datetime) -> None:
    once = times.parse(moment.isoformat())
    assert times.parse(once) == once


def test_now_is_written_like_any_time() -> None:
    before = datetime.now(UTC)
    now = times.now()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", now)
    assert abs(datetime.fromisoformat(now) - before) < timedelta(seconds=2)


def test_expiry_is_days_from_now() -> None:
    assert abs(times.expiry(2) - time.time() - 2 * 86_400) < 2
    assert times.expiry(-1) < time.time()


def test_nothing_is_written_that_expires_at_once() -> None:
    with pytest.raises(ValueError, match="no retention period"):
        times.expiry(0)


@pytest.mark.parametrize(
    ("moves", "passed"),
    [
        ([(7, 7)], 7),
        # The function is frozen, once or for many short times.
        ([(0, 3_600)], 3_600),
        ([(0, 0.03)] * 100, 3),
        ([(1, 60), (2, 2), (1, 60)], 122),
        # The wall clock is set back, or drifts a little.
        ([(0, -50)], 50),
        ([(5, 5.01), (5, 4.99)], 10),
        ([(3, 0)] * 20, 60),
    ],
)
def test_the_steady_clock_counts_what_the_monotonic_one_misses(
    monkeypatch: pytest.MonkeyPatch, moves: Iterable[tuple[float, float]], passed: float
) -> None:
    stands = [1_000.0, 1_800_000_000.0]
    clocks = SimpleNamespace(monotonic=lambda: stands[0], time=lambda: stands[1])
    monkeypatch.setattr(times, "time", clocks)
    clock = times.SteadyClock()
    before = last = clock.read()
    for monotonic, wall in moves:
        stands[0] += monotonic
        stands[1] += wall
        assert clock.read() >= last
        last = clock.read()
    assert last - before == pytest.approx(passed, abs=0.15)


def test_a_moment_beyond_all_years_is_the_first_or_the_last() -> None:
    first, last = "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.998Z"
    assert times.at(times.seconds(first) - 300) == times.at(-1e300) == first
    assert times.at(times.seconds(last) + 300) == times.at(1e300) == last
    assert times.at(times.seconds(first) + 300) == "0001-01-01T00:05:00.000Z"
