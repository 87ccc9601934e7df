from itertools import pairwise

from event_bus.matching.intervals import IntervalSet

INFINITY = float("inf")
BOUNDS = [-INFINITY, -1e300, -2.5, -1, 0, 0.5, 1, 3, 2**60, 1e300, INFINITY]
PAIRS = [(low, high) for place, low in enumerate(BOUNDS) for high in BOUNDS[place:]]
POINTS = [*BOUNDS, *((low + high) / 2 for low, high in pairwise(BOUNDS[1:-1])), -0.0, 10**400]


def found(intervals: IntervalSet[tuple[float, float]], point: float) -> list[tuple[float, float]]:
    entries: list[tuple[float, float]] = []
    intervals.find(point, entries)
    return sorted(entries)


def test_finds_each_interval_around_a_number_once() -> None:
    intervals: IntervalSet[tuple[float, float]] = IntervalSet()
    for pair in PAIRS:
        intervals.add(*pair, pair)
    for point in POINTS:
        clamped = min(point, INFINITY) if point < 10**308 else INFINITY
        assert found(intervals, point) == [p for p in sorted(PAIRS) if p[0] <= clamped <= p[1]]


def test_forgets_what_is_discarded() -> None:
    intervals: IntervalSet[tuple[float, float]] = IntervalSet()
    for pair in PAIRS:
        intervals.add(*pair, pair)
    for pair in PAIRS[::2]:
        intervals.discard(*pair, pair)
    left = sorted(PAIRS[1::2])
    for point in POINTS[:-1]:
        assert found(intervals, point) == [p for p in left if p[0] <= point <= p[1]]
