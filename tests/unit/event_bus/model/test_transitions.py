"""Every transition of a delivery leads to a state that the table allows."""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
from event_bus import times
from event_bus.model import transitions
from event_bus.model.delivery import (
    KEPT_ATTEMPTS,
    SETTLED,
    Attempt,
    Delivery,
    DeliveryKey,
)
from event_bus.model.outcome import Outcome
from event_bus.model.retry_policy import LONGEST_WAIT_SECONDS, RetryPolicy
from event_bus.model.subscription import DeliveryGuarantee
from hypothesis import given
from hypothesis import strategies as st

KEY = DeliveryKey("evt_1", "sub_1")
GUARANTEES: tuple[DeliveryGuarantee, ...] = get_args(DeliveryGuarantee)

POLICIES = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 4),
    schedule=st.none() | st.lists(st.integers(1, 2_000), min_size=1, max_size=3),
    base=st.integers(1, 2_000),
    client_errors=st.sampled_from(["retry", "final"]),
)
FAILURES = st.builds(
    Outcome,
    code=st.sampled_from(["timeout", "http_error"]),
    message=st.text(max_size=5),
    status_code=st.none() | st.sampled_from([301, 400, 408, 410, 429, 500]),
    retry_after=st.none() | st.floats(0, 2 * LONGEST_WAIT_SECONDS),
)

Step = Callable[[Delivery], Delivery]


def attempt(number: int, outcome: Outcome | None = None) -> Attempt:
    """An attempt of some number."""
    outcome = outcome or Outcome()
    return Attempt(number, times.now(), 7, outcome.code, outcome.message, outcome.status_code)


def pending() -> Delivery:
    """A delivery before its first attempt."""
    return transitions.begun(KEY, "shop", "http", None)


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """A transition of a delivery that is under way, with drawn arguments."""
    guarantee, policy = draw(st.sampled_from(GUARANTEES)), draw(POLICIES)
    failure, wait = draw(FAILURES), draw(st.floats(0, 1_000))
    name = draw(
        st.sampled_from(["success", "failure", "crash", "postponed", "exhausted", "dropped"])
    )
    match name:
        case "success":
            return lambda each: transitions.after_success(each, attempt(each.attempts + 1))
        case "failure":
            return lambda each: transitions.after_failure(
                each, attempt(each.attempts + 1, failure), failure, guarantee, policy
            )
        case "crash":
            return lambda each: transitions.after_crash(each, guarantee, policy, each.attempts + 1)
        case "postponed":
            until = times.unix() + wait
            return lambda each: transitions.postponed(each, until, "circuit_open", "it is open")
        case "exhausted":
            return lambda each: transitions.exhausted(each, "too_many_hops", "a loop")
        case _:
            return lambda each: transitions.dropped(each, "event_expired", "too late")


def check(delivery: Delivery) -> None:
    """Checks what holds in every state."""
    ended = delivery.status in SETTLED
    assert (delivery.next_retry_at is None) == (ended or delivery.status == "pending")
    assert not (delivery.waiting and delivery.status != "retrying")
    assert (delivery.last_error is None) == (delivery.status in ("pending", "delivered"))
    assert (delivery.delivered_at is not None) == (delivery.status == "delivered")
    if delivery.waiting or delivery.status == "exhausted":
        assert delivery.dead_letter_id
    assert delivery.round_start <= delivery.attempts
    assert len(delivery.log) <= KEPT_ATTEMPTS


@given(st.lists(steps(), max_size=12), st.booleans())
def test_every_walk_stays_within_the_table(walk: list[Step], by_hand: bool) -> None:
    delivery = pending()
    for step in walk:
        if delivery.retriable and by_hand:
            before = delivery
            delivery = transitions.reopened(delivery)
            assert delivery.round_start == before.attempts
            assert not delivery.retriable
        if delivery.status in SETTLED:
            break
        before, delivery = delivery, step(delivery)
        check(delivery)
        assert delivery.attempts - before.attempts in (0, 1)
        assert before.dead_letter_id in (None, delivery.dead_letter_id)
    if delivery.status in ("pending", "retrying", "exhausted"):
        discarded = transitions.discarded(delivery, "shop")
        check(discarded)
        assert discarded.status == "dropped"


@given(POLICIES, st.lists(FAILURES, min_size=4, max_size=4))
def test_a_round_has_the_attempts_of_its_policy(
    policy: RetryPolicy, failures: list[Outcome]
) -> None:
    final = [
        each.gone or (each.client_error and policy.client_errors == "final") for each in failures
    ]
    last = min([place for place, each in enumerate(final) if each] + [policy.max_attempts - 1])
    delivery = pending()
    for place, failure in enumerate(failures[: last + 1]):
        assert delivery.status in ("pending", "retrying")
        delivery = transitions.after_failure(
            delivery, attempt(place + 1, failure), failure, "at_least_once", policy
        )
    assert (delivery.status, delivery.attempts) == ("exhausted", last + 1)


@given(POLICIES, FAILURES)
def test_a_delivery_waits_on_its_lane_only_as_long_as_a_queue_can_hold_it(
    policy: RetryPolicy, failure: Outcome
) -> None:
    retried = transitions.after_failure(
        pending(), attempt(1, failure), failure, "at_least_once", policy
    )
    if retried.next_retry_at:
        wait = times.seconds(retried.next_retry_at) - times.unix()
        assert retried.waiting == (wait > transitions.LONGEST_DELAY_SECONDS - 1) or (
            abs(wait - transitions.LONGEST_DELAY_SECONDS) < 2
        )
        asked = min(failure.retry_after or 0, LONGEST_WAIT_SECONDS)
        assert wait >= asked - 1


def test_the_last_attempts_are_kept() -> None:
    failure, policy = Outcome("timeout", "late"), RetryPolicy(schedule=[1], max_attempts=100)
    delivery = pending()
    for number in range(1, KEPT_ATTEMPTS + 4):
        delivery = transitions.after_failure(
            delivery, attempt(number, failure), failure, "at_least_once", policy
        )
    assert [each.number for each in delivery.log] == list(range(4, KEPT_ATTEMPTS + 4))


def test_a_new_round_begins_with_the_first_wait() -> None:
    policy, failure = (
        RetryPolicy(schedule=[100, 10_000], max_attempts=5),
        Outcome("timeout", "late"),
    )
    delivery, waits = pending(), []
    for number in (1, 2, 3, 4):
        if number == 3:
            delivery = transitions.reopened(delivery)
        after = [
            transitions.after_failure(
                delivery, attempt(number, failure), failure, "at_least_once", policy
            ),
            transitions.after_crash(delivery, "at_least_once", policy, number),
        ]
        waits.append([times.seconds(str(each.next_retry_at)) - times.unix() for each in after])
        delivery = after[0]
    assert [[wait > 5_000 for wait in each] for each in waits] == [
        [False, False],
        [True, True],
        [False, False],
        [True, True],
    ]


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_crash_waits_in_the_table_or_ends_what_may_arrive_once(
    guarantee: DeliveryGuarantee,
) -> None:
    crashed = transitions.after_crash(pending(), guarantee, RetryPolicy(), 3)
    assert crashed.last_error
    assert (crashed.attempts, crashed.last_error.code) == (3, transitions.CRASHED)
    once = guarantee == "at_most_once"
    assert (crashed.status, crashed.waiting) == (("dropped", False) if once else ("retrying", True))


def test_a_dead_letter_keeps_its_id_through_every_round() -> None:
    letter = transitions.exhausted(pending(), "too_many_hops", "a loop")
    again = transitions.refused_by_queue(transitions.reopened(letter))
    assert letter.dead_letter_id == again.dead_letter_id
    assert again.last_error
    assert again.last_error.code == transitions.MESSAGE_REFUSED


def test_a_success_forgets_the_error_and_keeps_the_attempts() -> None:
    failure = Outcome("timeout", "late")
    failed = transitions.after_failure(
        pending(), attempt(1, failure), failure, "exactly_once", RetryPolicy()
    )
    delivered = transitions.after_success(replace(failed, round_start=1), attempt(2))
    assert (delivered.last_error, delivered.attempts) == (None, 2)
    assert [each.code for each in delivered.log] == ["timeout", None]
