"""A retry policy says how often and how long a delivery is tried."""

from collections import Counter
from typing import Any

import pytest
from event_bus.errors import InvalidRequest
from event_bus.model.retry_policy import DEFAULT_POLICY, LONGEST_WAIT_SECONDS, RetryPolicy
from event_bus.requests.retry_policy import RetryPolicyRequest
from event_bus.requests.validation import read


def policy(**members: Any) -> RetryPolicy:
    return read(RetryPolicyRequest, members).policy()


def test_an_empty_policy_is_the_default() -> None:
    assert policy() == DEFAULT_POLICY


def test_the_default_tries_for_more_than_a_day() -> None:
    waits = [DEFAULT_POLICY.wait_after(number) for number in range(1, 12)]
    assert 24 * 3_600 < sum(waits) < 40 * 3_600


@pytest.mark.parametrize(
    ("members", "attempt", "around"),
    [
        ({"base": 10, "factor": 3, "cap": 100}, 1, 10),
        ({"base": 10, "factor": 3, "cap": 100}, 2, 30),
        ({"base": 10, "factor": 3, "cap": 100}, 3, 90),
        ({"base": 10, "factor": 3, "cap": 100}, 4, 100),
        ({"base": 10, "factor": 3, "cap": 100}, 5_000, 100),
        ({"schedule": [5, 60]}, 1, 5),
        ({"schedule": [5, 60]}, 2, 60),
        ({"schedule": [5, 60]}, 9, 60),
    ],
)
def test_the_wait_is_what_was_asked_with_some_jitter(
    members: dict[str, Any], attempt: int, around: int
) -> None:
    waits = [policy(**members).wait_after(attempt) for _ in range(300)]
    assert 0.8 * around <= min(waits) < 0.9 * around
    assert 1.1 * around < max(waits) <= 1.2 * around


def test_a_subscriber_may_ask_for_longer_but_not_for_shorter() -> None:
    made = policy(schedule=[100])
    assert made.wait_after(1, 5_000) >= 5_000
    assert made.wait_after(1, 3) >= 80
    assert made.wait_after(1, 10**9) == LONGEST_WAIT_SECONDS


@pytest.mark.parametrize(
    ("asked", "most"),
    [
        (0.4, 10.4),
        (12, 22),
        (49, 59),
        (70, 84),
        (900, 1_080),
        (40_000, 48_000),
        (80_000, LONGEST_WAIT_SECONDS),
        (86_380, LONGEST_WAIT_SECONDS),
    ],
)
def test_what_a_subscriber_asks_for_is_spread(asked: float, most: float) -> None:
    made = policy(schedule=[1])
    waits = [made.wait_after(1, asked) for _ in range(400)]
    tenth = (most - asked) / 10
    assert asked <= min(waits)
    assert max(waits) <= most
    per_tenth = Counter(min(int((wait - max(asked, 0.8)) / tenth), 9) for wait in waits)
    # Forty on the average.
    assert len(per_tenth) == 10
    assert max(per_tenth.values()) < 100


def test_what_was_refused_before_a_date_does_not_fall_due_at_that_date() -> None:
    date = 33.0
    refused_at = [second / 10 for second in range(330)]
    due = [at + policy(schedule=[2]).wait_after(1, date - at) for at in refused_at]
    assert date <= min(due)
    assert max(due) <= date + 10
    # 33 a second on the average.
    assert max(Counter(int(at - date) for at in due).values()) < 70


def test_waits_of_a_day_are_spread_below_it() -> None:
    made = policy(schedule=[LONGEST_WAIT_SECONDS])
    waits = [made.wait_after(1) for _ in range(300)]
    assert min(waits) >= 0.8 * LONGEST_WAIT_SECONDS
    assert max(waits) <= LONGEST_WAIT_SECONDS
    assert len({round(wait) for wait in waits}) > 250


def test_a_date_in_the_past_asks_for_nothing() -> None:
    assert max(policy(schedule=[10]).wait_after(1, 0.0) for _ in range(300)) <= 12


def test_a_schedule_is_tried_once_more_than_it_has_waits() -> None:
    assert policy(schedule=[1, 2, 3]).max_attempts == 4
    assert policy(schedule=[1, 2, 3], max_attempts=9).max_attempts == 9


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"schedule": [1], "factor": 2}, ""),
        ({"schedule": [0]}, "/schedule/0"),
        ({"schedule": [LONGEST_WAIT_SECONDS + 1]}, "/schedule/0"),
        ({"schedule": []}, "/schedule"),
        ({"schedule": [1] * 50}, "/schedule"),
        ({"max_attempts": 51}, "/max_attempts"),
        ({"max_attempts": True}, "/max_attempts"),
        ({"factor": 0.5}, "/factor"),
        ({"timeout": 0}, "/timeout"),
        ({"disable_after_days": 91}, "/disable_after_days"),
    ],
)
def test_an_impossible_retry_policy_is_refused_at_its_member(
    members: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        policy(**members)
    assert [fault.pointer for fault in refusal.value.faults] == [pointer]
