"""A key makes as many requests as it may, and not many more, at few writes."""

from collections import Counter

import pytest
from event_bus.access.rate_limits import (
    WINDOW_SECONDS,
    Allowance,
    RateLimiter,
    allowance_of,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.aws import Aws
from tests.faults import not_sent


class Table:
    """Counters in memory, which count their writes."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.writes = 0
        self.ends: set[int] = set()

    def add(self, name: str, requests: int, expires_at: int) -> int:
        self.writes += 1
        self.ends.add(expires_at)
        self.counted[name] += requests
        return self.counted[name]


class Clock:
    """A clock that stands."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@given(
    rate=st.integers(1, 50),
    processes=st.integers(1, 8),
    order=st.lists(st.integers(0, 7), max_size=1_500),
)
def test_requests_stay_within_the_quota_and_the_free_shares(
    rate: int, processes: int, order: list[int]
) -> None:
    table, clock = Table(), Clock()
    limiters = [RateLimiter(table, clock) for _ in range(processes)]
    passed = [0] * processes
    for each in order:
        passed[each % processes] += not limiters[each % processes].spend("key", rate).exceeded
    quota = rate * WINDOW_SECONDS
    free = max(1, quota // 50)
    assert sum(passed) <= quota + processes * free
    # A key that keeps to its limit is never refused by a single function.
    if processes == 1:
        assert passed[0] >= min(len(order), quota)


@given(rate=st.integers(1, 2_000), requests=st.integers(1, 3_000))
def test_requests_cost_few_writes(rate: int, requests: int) -> None:
    table = Table()
    limiter = RateLimiter(table, Clock())
    for _ in range(requests):
        limiter.spend("key", rate)
    quota = rate * WINDOW_SECONDS
    share = max(1, quota // 20)
    assert table.writes <= min(requests, quota) / share + 2


def test_the_remaining_requests_are_in_the_context() -> None:
    clock = Clock()
    limiter = RateLimiter(Table(), clock)
    told = [limiter.spend("key", 1) for _ in range(11)]
    assert [each.left for each in told] == [*range(9, -1, -1), 0]
    assert [each.exceeded for each in told] == [False] * 10 + [True]
    assert {each.reset for each in told} == {WINDOW_SECONDS}
    clock.now += 3.5
    assert limiter.spend("key", 1) == Allowance(10, 0, 7, exceeded=True)


def test_the_next_window_has_the_whole_quota() -> None:
    clock = Clock()
    limiter = RateLimiter(Table(), clock)
    while not limiter.spend("key", 1).exceeded:
        pass
    assert not limiter.spend("another", 1).exceeded
    clock.now += WINDOW_SECONDS
    told = [limiter.spend("key", 1) for _ in range(11)]
    assert told[0] == Allowance(10, 9, WINDOW_SECONDS)
    assert [each.exceeded for each in told] == [False] * 10 + [True]


def test_each_key_is_counted_by_itself_until_its_window_has_ended() -> None:
    table, clock = Table(), Clock()
    for limiter in (RateLimiter(table, clock), RateLimiter(table, clock)):
        for _ in range(4):
            limiter.spend("key", 1)
        limiter.spend("another", 1)
        limiter.spend("another", 1)
    # Each function lets one request pass before it counts.
    assert sorted(table.counted.values()) == [4, 8]
    window = clock.now // WINDOW_SECONDS
    assert {name.rpartition("#")[2] for name in table.counted} == {f"{window:.0f}"}
    # A clock that is late writes into the window for as long again.
    assert table.ends == {clock.now + 2 * WINDOW_SECONDS}


@pytest.mark.moto
def test_functions_count_together(aws: Aws) -> None:
    clock = Clock()
    one, other = (RateLimiter(aws.limits, clock) for _ in range(2))
    passed = 0
    for _ in range(20):
        passed += not one.spend("key", 1).exceeded
        passed += not other.spend("key", 1).exceeded
    assert 10 <= passed <= 12


def test_requests_pass_if_the_counter_fails(aws: Aws) -> None:
    limiter = RateLimiter(aws.limits, Clock())
    with not_sent(aws.dynamodb, "UpdateItem", times=3):
        told = [limiter.spend("key", 1) for _ in range(4)]
    # What was not counted is forgotten.
    assert [(each.left, each.exceeded) for each in told] == [(9, False)] * 4


@pytest.mark.parametrize("exceeded", [True, False])
def test_an_allowance_is_read_from_the_context(exceeded: bool) -> None:
    allowance = Allowance(100, 7, 3, exceeded)
    assert allowance_of(allowance.context()) == allowance
    assert allowance_of({"role": "service"}) is None
    assert allowance_of(None) is None
