"""A pace learns which subscriptions are slow, gives out turns, and bounds attempts in flight."""

from dataclasses import replace

import pytest
from event_bus.model.pace import (
    FAST_ANSWERS,
    LEASE_SECONDS,
    LONGEST_HOLD_SECONDS,
    LONGEST_WAIT_SECONDS,
    SHORTEST_HOLD_SECONDS,
    Limits,
    Pace,
)
from hypothesis import given
from hypothesis import strategies as st

START = 1_000.0
FAST, SLOW = 0.1, 12.0


def test_a_trial_ends_with_the_first_answer() -> None:
    trial = Pace(state="trial")
    assert trial.paced
    assert trial.returned("fn", [], START) == trial
    assert trial.returned("fn", [FAST], START).state == "fast"
    assert trial.returned("fn", [FAST, SLOW], START).state == "slow"


def test_a_slow_one_is_fast_again_by_evidence_and_not_too_soon() -> None:
    slow = Pace().proved_slow(START)
    later = START + SHORTEST_HOLD_SECONDS
    assert slow.returned("fn", [FAST] * FAST_ANSWERS, later - 1).state == "slow"
    assert slow.returned("fn", [FAST] * (FAST_ANSWERS - 1), later).state == "slow"
    assert slow.returned("fn", [FAST] * FAST_ANSWERS, later).state == "fast"
    # A slow answer starts the count and the time again.
    again = slow.returned("fn", [FAST] * 4 + [SLOW] + [FAST] * 4, later)
    assert (again.state, again.fast_answers, again.since) == ("slow", 4, later)


def test_a_subscriber_that_is_soon_slow_again_stays_longer() -> None:
    pace, now, holds = Pace().proved_slow(START), START, []
    for _ in range(8):
        holds.append(pace.hold)
        now += pace.hold
        pace = pace.returned("fn", [FAST] * FAST_ANSWERS, now)
        assert pace.state == "fast"
        now += 1
        pace = pace.proved_slow(now)
    assert holds[:3] == [SHORTEST_HOLD_SECONDS, 2 * SHORTEST_HOLD_SECONDS, 4 * 30]
    assert holds[-1] == LONGEST_HOLD_SECONDS
    fast = pace.returned("fn", [FAST] * FAST_ANSWERS, now + LONGEST_HOLD_SECONDS)
    long_after = fast.since + 11 * LONGEST_HOLD_SECONDS
    assert fast.proved_slow(long_after).hold == SHORTEST_HOLD_SECONDS


@given(
    st.floats(0.01, 1000),
    st.lists(st.tuples(st.integers(1, 10), st.floats(0, 5)), min_size=1, max_size=40),
)
def test_turns_keep_to_the_rate_whatever_comes_when(
    rate: float, batches: list[tuple[int, float]]
) -> None:
    limits, pace, now, given_out = Limits(4, rate_limit=rate), Pace(), START, []
    for wanted, wait in batches:
        now += wait
        pace, turns = pace.turns(wanted, limits, now)
        assert len(turns) == wanted
        assert all(turn >= now for turn in turns)
        given_out += turns
    # None is given out twice, none is lost, and they are as far apart as the rate says.
    assert given_out == sorted(given_out)
    spread = given_out[-1] - given_out[0]
    assert spread >= (len(given_out) - 1) / rate - 0.06 or spread >= given_out[-1] - START - 0.06
    assert pace.next_turn <= max(now, given_out[-1]) + 1 / rate + 0.06


def test_under_another_limit_turns_begin_anew() -> None:
    low = Limits(4, rate_limit=0.01)
    pace, turns = Pace().turns(100, low, START)
    assert turns[-1] == pytest.approx(START + 9_900)
    pace, turns = pace.turns(3, Limits(4, rate_limit=10), START + 1)
    assert turns == pytest.approx([START + 1.1, START + 1.2, START + 1.3])
    # A function that does not know the new limit yet makes no more attempts than by its own.
    pace, turns = pace.turns(2, low, START + 1)
    assert turns == pytest.approx([START + 1.4, START + 101.4])
    assert pace.turns(1, low, START + 1)[1] == pytest.approx([START + 201.4])


def test_a_change_of_the_limit_forgets_turns_that_were_given() -> None:
    pace, _ = Pace("slow").turns(100, Limits(4, rate_limit=0.01), START)
    assert pace.without_turns() == Pace("slow", series=1)


def test_each_other_limit_begins_a_series() -> None:
    pace, series = Pace(), []
    for rate in (5.0, 5.0, 10.0, None, 10.0, 5.0):
        pace, _ = pace.turns(2, Limits(4, rate_limit=rate), START)
        series.append(pace.series)
    # `turns` begins no series when the limit is removed. The request that removes it does so, by
    # `PaceStore.forget_turns`.
    assert series == [0, 0, 1, 1, 1, 2]


def test_without_a_rate_limit_every_turn_is_now() -> None:
    assert Pace().turns(3, Limits(4), START) == (Pace(), [START] * 3)


@pytest.mark.parametrize(
    ("limits", "wanted", "granted"),
    [
        (Limits(2), 10, [10, 10, 0]),
        (Limits(9, max_in_flight=5), 3, [3, 2, 0]),
        (Limits(2, max_in_flight=50), 3, [3, 3, 0]),
    ],
)
def test_leases_are_bounded_in_functions_and_in_attempts(
    limits: Limits, wanted: int, granted: list[int]
) -> None:
    pace, given_out = Pace(), []
    for function in ("fn_1", "fn_2", "fn_3"):
        pace, number = pace.leased(function, wanted, limits, START)
        given_out.append(number)
    assert given_out == granted
    assert pace.in_flight(START) == sum(granted)
    # What is returned is free again, and so is what a function left behind that crashed.
    returned = pace.returned("fn_1", [], START)
    assert returned.leased("fn_3", wanted, limits, START)[1] > 0
    late = START + LEASE_SECONDS + 1
    assert pace.leased("fn_3", wanted, limits, late)[1] == granted[0]
    assert pace.in_flight(late) == 0


def test_a_lease_that_is_written_twice_counts_once() -> None:
    limits = Limits(1, max_in_flight=2)
    once, _ = Pace().leased("fn_1", 2, limits, START)
    assert once.leased("fn_1", 2, limits, START) == (once, 2)


def test_a_message_without_a_place_checks_again_when_one_may_be_free() -> None:
    limits = Limits(4, max_in_flight=2)
    pace = replace(Pace(), seconds=SLOW)
    pace, looks = pace.looks(4, limits, START)
    assert looks == [START + each * SLOW / 2 for each in (1, 2, 3, 4)]
    # The next ones look behind them, as far as that makes sense.
    pace, looks = pace.looks(1, limits, START)
    assert looks == [START + 5 * SLOW / 2]
    for _ in range(100):
        pace, looks = pace.looks(10, limits, START)
        assert all(START < each <= START + LONGEST_WAIT_SECONDS for each in looks)
