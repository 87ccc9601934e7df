"""Whatever slow, hanging or flooding subscribers do, the others get their events as without them.

Fifty functions of each lane, ten subscriptions that answer at once, and one or many that do not,
through the lanes' own code in virtual time. The same holds for sources of enrichments.
"""

import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.simulation.lanes_in_time import LanesInTime, lanes_in_time

OTHERS = [f"sub_{number}" for number in range(10)]
SECONDS = 20.0
CONCURRENCY = 50

Adversary = Callable[[LanesInTime], None]


def _fast(_moment: float, rng: random.Random) -> float:
    return rng.uniform(0.02, 0.08)


def _p99(adversary: Adversary, *, fair: bool = True, **others: Any) -> float:
    """The 99th percentile of how long the events of the others take to arrive."""
    with lanes_in_time(CONCURRENCY, CONCURRENCY, fair=fair) as lanes:
        for name in OTHERS:
            lanes.subscribe(name, _fast, **others)
            lanes.publish(name, rate=4, seconds=SECONDS)
        adversary(lanes)
        lanes.run(SECONDS + 20)
        latencies = lanes.latencies(*OTHERS)
    assert len(latencies) > 600
    return latencies[int(0.99 * len(latencies))]


def _nobody(_lanes: LanesInTime) -> None:
    """Without it, the others have the lane to themselves."""


def _slow(lanes: LanesInTime) -> None:
    lanes.subscribe("bad", lambda *_: 12.0, known=False)
    lanes.publish("bad", rate=10, seconds=SECONDS)


def _hanging(lanes: LanesInTime) -> None:
    lanes.subscribe("bad", lambda *_: 99.0, known=False)
    lanes.publish("bad", rate=10, seconds=SECONDS)


def _many_hanging(lanes: LanesInTime) -> None:
    for number in range(20):
        lanes.subscribe(f"bad_{number}", lambda *_: 99.0, known=False)
        lanes.publish(f"bad_{number}", rate=1, seconds=SECONDS)


def _turning_slow(lanes: LanesInTime) -> None:
    lanes.subscribe("bad", lambda moment, _: 0.05 if moment < 10 else 12.0)
    lanes.publish("bad", rate=10, seconds=SECONDS)


def _slow_now_and_then(lanes: LanesInTime) -> None:
    lanes.subscribe("bad", lambda _, rng: 12.0 if rng.random() < 0.1 else 0.05)
    lanes.publish("bad", rate=10, seconds=SECONDS)


def _flooding(lanes: LanesInTime) -> None:
    lanes.subscribe("bad", _fast)
    lanes.flood("bad", 1_000, 5.0)


def _flooding_and_slow(lanes: LanesInTime) -> None:
    lanes.subscribe("bad", lambda *_: 12.0, known=False)
    lanes.flood("bad", 500, 5.0)


@pytest.fixture(scope="module")
def alone() -> float:
    return _p99(_nobody)


@pytest.mark.parametrize(
    "adversary",
    [
        _slow,
        _hanging,
        _many_hanging,
        _turning_slow,
        _slow_now_and_then,
        _flooding,
        _flooding_and_slow,
    ],
)
def test_the_others_do_not_notice(adversary: Adversary, alone: float) -> None:
    assert _p99(adversary) <= 1.5 * alone


def _two_slow(lanes: LanesInTime) -> None:
    for name in ("bad_1", "bad_2"):
        lanes.subscribe(name, lambda *_: 12.0, known=False)
        lanes.publish(name, rate=10, seconds=SECONDS)


def _limited_ones_turning_slow(lanes: LanesInTime) -> None:
    for name in ("bad_1", "bad_2", "bad_3"):
        answer = lambda moment, _: 0.05 if moment < 10 else 12.0  # noqa: E731
        lanes.subscribe(name, answer, max_in_flight=100)
        lanes.publish(name, rate=10, seconds=SECONDS)


@pytest.mark.parametrize(
    ("others", "adversaries"),
    [
        ({"max_in_flight": 100}, [_two_slow, _many_hanging, _limited_ones_turning_slow]),
        ({"rate_limit": 50.0}, [_two_slow]),
        ({"known": False}, [_two_slow, _many_hanging]),
    ],
)
def test_nor_do_those_with_a_limit_or_new_ones(
    others: dict[str, Any], adversaries: list[Adversary]
) -> None:
    without = _p99(_nobody, **others)
    for adversary in adversaries:
        assert _p99(adversary, **others) <= 1.5 * without, adversary.__name__


def test_a_flood_with_a_limit_does_not_hang_on_fair_queues(alone: float) -> None:
    def limited(lanes: LanesInTime) -> None:
        lanes.subscribe("bad", _fast, rate_limit=20.0)
        lanes.flood("bad", 500, 5.0)

    assert _p99(limited, fair=False) <= 1.5 * alone


def test_slow_ones_have_all_functions_of_their_lane() -> None:
    with lanes_in_time(CONCURRENCY, CONCURRENCY) as lanes:
        slow = [f"bad_{number}" for number in range(5)]
        for name in slow:
            lanes.subscribe(name, lambda *_: 12.0)
            lanes.publish(name, rate=10, seconds=40)
        lanes.run(40)
        # Fifty functions with ten attempts each make 41 attempts a second at most.
        assert sum(len(lanes.requests[name]) for name in slow) > 40 * 15


def test_a_slow_one_gets_all_of_its_events_once() -> None:
    with lanes_in_time(CONCURRENCY, CONCURRENCY) as lanes:
        lanes.subscribe("bad", lambda *_: 12.0, known=False)
        lanes.publish("bad", rate=5, seconds=20)
        lanes.run(200)
        published = len(lanes.arrived["bad"])
        assert published > 70
        assert len(lanes.requests["bad"]) == published
        assert lanes.most_at_once["bad"] <= CONCURRENCY // 2 * 10


def test_limits_hold_for_whatever_comes() -> None:
    with lanes_in_time(CONCURRENCY, CONCURRENCY) as lanes:
        lanes.subscribe("rated", _fast, known=False, rate_limit=5.0)
        lanes.flood("rated", 100)
        lanes.subscribe("bounded", lambda *_: 0.5, known=False, max_in_flight=2)
        lanes.flood("bounded", 60)
        lanes.run(120)
        assert len(lanes.requests["rated"]) == len(lanes.requests["bounded"]) + 40 == 100
        moments = sorted(lanes.requests["rated"])
        for start in moments:
            assert sum(start <= each < start + 2 for each in moments) <= 2 * 5 + 5
        # Nor does it take much longer than it must.
        assert 18 < moments[-1] - moments[0] < 24
        assert lanes.most_at_once["bounded"] == 2
        bounded = sorted(lanes.requests["bounded"])
        assert bounded[-1] - bounded[0] < 2.5 * 60 * 0.5 / 2


def test_a_fast_subscriber_leaves_the_paced_lane() -> None:
    with lanes_in_time(CONCURRENCY, CONCURRENCY) as lanes:
        lanes.subscribe("bad", lambda moment, _: 5.0 if moment < 20 else 0.05)
        lanes.publish("bad", rate=5, seconds=100)
        lanes.run(15)
        slow = lanes.paces.get("bad")
        assert slow
        assert slow.state == "slow"
        lanes.run(110)
        fast = lanes.paces.get("bad")
        assert fast
        assert fast.state == "fast"
        late = [
            arrived - published
            for published, arrived in lanes.arrived["bad"].values()
            if published > max(each[0] for each in lanes.arrived["bad"].values()) - 20
        ]
        assert max(late) < 1


def _p99_enriched(adversary: Adversary, functions: int = CONCURRENCY, rate: float = 4) -> float:
    """The same 99th percentile, of events that are enriched by fast sources."""
    with lanes_in_time(functions, CONCURRENCY) as lanes:
        for name in OTHERS:
            lanes.subscribe(name, _fast, source=_fast)
            lanes.publish(name, rate=rate, seconds=SECONDS)
        adversary(lanes)
        lanes.run(SECONDS + 20)
        latencies = lanes.latencies(*OTHERS)
    assert len(latencies) > 150 * rate
    return latencies[int(0.99 * len(latencies))]


def _slow_source(lanes: LanesInTime) -> None:
    lanes.subscribe("bad", _fast, source=lambda *_: 5.0, known=False)
    lanes.publish("bad", rate=10, seconds=SECONDS)


def _hanging_source(lanes: LanesInTime) -> None:
    lanes.subscribe("bad", _fast, source=lambda *_: 99.0, known=False)
    lanes.publish("bad", rate=10, seconds=SECONDS)


def _many_hanging_sources(lanes: LanesInTime) -> None:
    for number in range(20):
        lanes.subscribe(f"bad_{number}", _fast, source=lambda *_: 99.0, known=False)
        lanes.publish(f"bad_{number}", rate=1, seconds=SECONDS)


def _source_turning_slow(lanes: LanesInTime) -> None:
    lanes.subscribe("bad", _fast, source=lambda moment, _: 0.05 if moment < 10 else 99.0)
    lanes.publish("bad", rate=10, seconds=SECONDS)


def _source_slow_now_and_then(lanes: LanesInTime) -> None:
    lanes.subscribe("bad", _fast, source=lambda _, rng: 99.0 if rng.random() < 0.5 else 0.05)
    lanes.publish("bad", rate=10, seconds=SECONDS)


def _flooding_and_slow_source(lanes: LanesInTime) -> None:
    lanes.subscribe("bad", _fast, source=lambda *_: 5.0, known=False)
    lanes.flood("bad", 500, 5.0)


@pytest.fixture(scope="module")
def enriched_alone() -> float:
    return _p99_enriched(_nobody)


@pytest.mark.parametrize(
    "adversary",
    [
        _slow_source,
        _hanging_source,
        _many_hanging_sources,
        _source_turning_slow,
        _source_slow_now_and_then,
        _flooding_and_slow_source,
    ],
)
def test_the_others_do_not_notice_slow_sources(adversary: Adversary, enriched_alone: float) -> None:
    assert _p99_enriched(adversary) <= 1.5 * enriched_alone


def _two_slow_sources_a_second(lanes: LanesInTime) -> None:
    lanes.subscribe("bad", _fast, source=lambda *_: 5.0)
    lanes.publish("bad", rate=2, seconds=SECONDS)


def test_slow_sources_leave_half_of_few_functions_to_the_others() -> None:
    alone = _p99_enriched(_nobody, functions=10, rate=1)
    assert _p99_enriched(_two_slow_sources_a_second, functions=10, rate=1) <= 1.5 * alone


def test_slow_sources_are_asked_once_for_each_event() -> None:
    with lanes_in_time(10, 10) as lanes:
        lanes.subscribe("bad", _fast, source=lambda *_: 5.0)
        lanes.publish("bad", rate=4, seconds=20)
        lanes.run(600)
        published = len(lanes.arrived["bad"])
        assert published > 60
        assert len(lanes.asked["bad"]) == len(lanes.requests["bad"]) == published
