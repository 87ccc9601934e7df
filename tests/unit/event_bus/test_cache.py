"""The expiring cache."""

import threading
from types import SimpleNamespace

import pytest
from event_bus import times
from event_bus.cache import Cache

from tests.waiting import join


class Clock:
    """A monotonic clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_value_is_fresh_for_its_time_and_not_longer(clock: Clock) -> None:
    cache: Cache[str, int] = Cache(10, 5, clock)
    cache.put("a", 1)
    clock.now += 9.9
    assert cache.get("a") == 1
    assert "a" in cache
    clock.now += 0.1
    assert cache.get("a") is None
    assert "a" not in cache


def test_a_value_may_have_a_time_of_its_own(clock: Clock) -> None:
    cache: Cache[str, int] = Cache(10, 5, clock)
    cache.put("short", 1, 2)
    cache.put("long", 2, 20)
    clock.now += 15
    assert cache.get_many(["short", "long", "missing"]) == {"long": 2}


def test_the_last_value_outlives_its_time(clock: Clock) -> None:
    cache: Cache[str, int] = Cache(10, 5, clock)
    cache.put("a", 1)
    clock.now += 1_000
    assert cache.last("a") == 1
    assert cache.last("b") is None


def test_a_fresh_value_is_read_once(clock: Clock) -> None:
    cache: Cache[str, int | None] = Cache(10, 5, clock)
    reads: list[None] = []
    for _ in range(3):
        assert cache.fetch("a", lambda: reads.append(None)) is None
    assert len(reads) == 1
    clock.now += 10
    cache.fetch("a", lambda: reads.append(None))
    assert len(reads) == 2


def test_a_failed_read_stores_nothing(clock: Clock) -> None:
    cache: Cache[str, int] = Cache(10, 5, clock)

    def fail() -> int:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        cache.fetch("a", fail)
    assert "a" not in cache


def test_a_full_cache_drops_the_value_that_was_stored_first(clock: Clock) -> None:
    cache: Cache[int, int] = Cache(10, 3, clock)
    for each in range(3):
        cache.put(each, each)
    cache.put(0, 10)
    cache.put(3, 3)
    assert cache.get_many(range(4)) == {0: 10, 2: 2, 3: 3}


def test_a_forgotten_value_is_gone(clock: Clock) -> None:
    cache: Cache[str, int] = Cache(10, 3, clock)
    cache.put("a", 1)
    cache.forget("a")
    cache.forget("b")
    assert cache.last("a") is None


def test_threads_share_a_cache() -> None:
    cache: Cache[int, int] = Cache(60, 10)
    failures: list[BaseException] = []

    def work(start: int) -> None:
        try:
            for each in range(start, start + 3_000):
                cache.put(each, each)
                cache.fetch(each % 20, lambda: 1)
                cache.forget(each - 5)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(1_000 * each,)) for each in range(4)]
    for thread in threads:
        thread.start()
    join(*threads)
    assert failures == []
    assert len(cache.get_many(range(10_000))) <= 10


def test_a_value_expires_while_a_function_is_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = [1_800_000_000.0]
    monkeypatch.setattr(times, "time", SimpleNamespace(monotonic=lambda: 5.0, time=lambda: wall[0]))
    monkeypatch.setattr(times, "_steady_clock", times.SteadyClock())
    cache: Cache[str, int] = Cache(10, 5)
    cache.put("a", 1)
    wall[0] += 9
    assert cache.get("a") == 1
    wall[0] += 2
    assert cache.get("a") is None
    assert cache.last("a") == 1
