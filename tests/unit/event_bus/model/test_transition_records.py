"""What each transition writes, field by field."""

import random
from dataclasses import replace

import pytest
from event_bus import times
from event_bus.model import transitions
from event_bus.model.delivery import Attempt, Delivery, DeliveryError, DeliveryKey
from event_bus.model.outcome import Outcome
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import DeliveryGuarantee

from tests.builders import event

KEY = DeliveryKey("evt_7", "sub_7", "rpl_7")
UNIX = 1_800_000_000.0
NOW = times.at(UNIX)
BEFORE = times.at(UNIX - 60)
ATTEMPT = Attempt(3, NOW, 12, "http_error", "answered 503", 503)
FAILURE = Outcome("http_error", "answered 503", 503)
POLICY = RetryPolicy(max_attempts=4, schedule=[100, 200, 901])

BEGUN = Delivery(
    key=KEY,
    service_id="shop",
    event_type="task.created",
    status="pending",
    attempts=2,
    protocol="sqs",
    created_at=BEFORE,
    updated_at=BEFORE,
)
REOPENED = replace(BEGUN, status="retrying", round_start=1, dead_letter_id="dl_7", attempts=2)


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still, and waits have no jitter."""
    monkeypatch.setattr(times, "unix", lambda: UNIX)
    monkeypatch.setattr(random, "uniform", lambda low, high: (low + high) / 2)


def failed(delivery: Delivery, code: str, message: str) -> Delivery:
    """A delivery with an error of now."""
    return replace(delivery, updated_at=NOW, last_error=DeliveryError(code, message, NOW))


@pytest.mark.parametrize("round_start", [0, 3])
def test_a_delivery_begins_with_what_is_known_of_its_event(round_start: int) -> None:
    known = replace(event("evt_7", "task.done"), created_at=BEFORE)
    begun = transitions.begun(KEY, "shop", "sqs", known, round_start)
    assert begun == Delivery(
        key=KEY,
        service_id="shop",
        event_type="task.done",
        status="pending",
        attempts=0,
        round_start=round_start,
        protocol="sqs",
        stored_at=BEFORE,
        created_at=NOW,
        updated_at=NOW,
    )


def test_a_delivery_of_a_stream_names_it() -> None:
    streamed = event("evt_7", metadata={"stream_id": "order/5"})
    assert transitions.begun(KEY, "shop", "sqs", streamed).stream == "planner\norder/5"


def test_a_delivery_of_an_unknown_event_leaves_its_fields_empty() -> None:
    begun = transitions.begun(KEY, "shop", "http", None)
    assert (begun.event_type, begun.stored_at, begun.stream) == ("", "", "")
    assert (begun.attempts, begun.round_start) == (0, 0)


def test_a_success_records_its_attempt_and_its_time() -> None:
    success = Attempt(3, BEFORE, 12, status_code=204)
    waited = replace(failed(REOPENED, "timeout", "late"), next_retry_at=NOW, waiting=True)
    waited = replace(waited, updated_at=BEFORE)
    assert transitions.after_success(waited, success) == replace(
        REOPENED,
        status="delivered",
        attempts=3,
        updated_at=NOW,
        delivered_at=NOW,
        log=(success,),
    )


@pytest.mark.parametrize(
    ("round_start", "wait", "waiting"), [(0, 901, True), (1, 200, False), (2, 100, False)]
)
def test_a_failure_waits_as_its_round_says(round_start: int, wait: float, waiting: bool) -> None:
    delivery = replace(BEGUN, round_start=round_start, dead_letter_id="dl_7")
    after = transitions.after_failure(delivery, ATTEMPT, FAILURE, "at_least_once", POLICY)
    assert after == replace(
        failed(delivery, "http_error", "answered 503"),
        status="retrying",
        attempts=3,
        log=(ATTEMPT,),
        next_retry_at=times.at(UNIX + wait),
        waiting=waiting,
    )


@pytest.mark.parametrize(("wait", "waiting"), [(899, False), (900, False), (901, True)])
def test_a_queue_holds_a_retry_of_up_to_900_seconds(wait: int, waiting: bool) -> None:
    policy = RetryPolicy(schedule=[wait])
    after = transitions.after_failure(BEGUN, ATTEMPT, FAILURE, "at_least_once", policy)
    assert after.waiting == waiting
    assert (after.dead_letter_id is not None) == waiting


@pytest.mark.parametrize(
    ("outcome", "policy"),
    [
        (replace(FAILURE, status_code=410), POLICY),
        (replace(FAILURE, unsendable=True), POLICY),
        (replace(FAILURE, status_code=404), replace(POLICY, client_errors="final")),
        (FAILURE, replace(POLICY, max_attempts=2)),
        (FAILURE, replace(POLICY, max_attempts=1)),
    ],
    ids=["gone", "unsendable", "refused", "its last attempt", "fewer attempts than before"],
)
def test_the_last_failure_makes_a_dead_letter(outcome: Outcome, policy: RetryPolicy) -> None:
    after = transitions.after_failure(REOPENED, ATTEMPT, outcome, "at_least_once", policy)
    assert after == replace(
        failed(REOPENED, "http_error", "answered 503"),
        status="exhausted",
        attempts=3,
        log=(ATTEMPT,),
    )


def test_a_client_error_is_retried_unless_the_policy_says_otherwise() -> None:
    outcome = replace(FAILURE, status_code=404)
    after = transitions.after_failure(REOPENED, ATTEMPT, outcome, "at_least_once", POLICY)
    assert after.status == "retrying"
    final = replace(POLICY, client_errors="final")
    after = transitions.after_failure(REOPENED, ATTEMPT, FAILURE, "at_least_once", final)
    assert after.status == "retrying"


@pytest.mark.parametrize("round_start", [0, 2])
def test_a_failed_at_most_once_delivery_is_dropped(round_start: int) -> None:
    delivery = replace(BEGUN, round_start=round_start)
    after = transitions.after_failure(delivery, ATTEMPT, FAILURE, "at_most_once", POLICY)
    assert (after.status, after.dead_letter_id, after.next_retry_at) == ("dropped", None, None)


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once"])
@pytest.mark.parametrize(("round_start", "wait"), [(0, 901), (1, 200), (2, 100)])
def test_a_crash_waits_in_the_table(
    guarantee: DeliveryGuarantee, round_start: int, wait: float
) -> None:
    delivery = replace(BEGUN, round_start=round_start, dead_letter_id="dl_7")
    assert transitions.after_crash(delivery, guarantee, POLICY, 3) == replace(
        failed(delivery, "function_crashed", "the function that delivers crashed"),
        status="retrying",
        attempts=3,
        next_retry_at=times.at(UNIX + wait),
        waiting=True,
    )


def test_a_crash_may_be_the_last_attempt() -> None:
    policy = RetryPolicy(max_attempts=2)
    after = transitions.after_crash(replace(BEGUN, round_start=1), "exactly_once", policy, 3)
    assert (after.status, after.waiting, after.next_retry_at) == ("exhausted", False, None)
    assert after.dead_letter_id
    earlier = transitions.after_crash(replace(BEGUN, round_start=2), "exactly_once", policy, 3)
    assert earlier.status == "retrying"


def test_a_postponed_delivery_has_made_no_attempt() -> None:
    assert transitions.postponed(REOPENED, UNIX + 7, "circuit_open", "it is open") == replace(
        failed(REOPENED, "circuit_open", "it is open"),
        next_retry_at=times.at(UNIX + 7),
        waiting=True,
    )


def test_a_message_that_sqs_refuses_is_a_dead_letter() -> None:
    assert transitions.refused_by_queue(REOPENED) == replace(
        failed(
            REOPENED,
            "message_refused",
            "SQS refuses the message that would bring the event to its lane",
        ),
        status="exhausted",
    )


def test_a_new_dead_letter_has_an_id_of_its_own() -> None:
    first = transitions.exhausted(BEGUN, "too_many_hops", "a loop")
    second = transitions.exhausted(BEGUN, "too_many_hops", "a loop")
    assert first.dead_letter_id
    assert second.dead_letter_id
    assert first.dead_letter_id.startswith("dl_")
    assert first.dead_letter_id != second.dead_letter_id


def test_an_expired_command_is_dropped() -> None:
    waiting = replace(REOPENED, next_retry_at=NOW, waiting=True)
    assert transitions.expired(waiting) == replace(
        failed(REOPENED, "command_expired", "the deadline of the command has passed"),
        status="dropped",
    )


def test_a_discarded_dead_letter_names_who_asked() -> None:
    letter = replace(REOPENED, status="exhausted")
    assert transitions.discarded(letter, "billing") == replace(
        failed(letter, "discarded", "discarded by billing"), status="dropped"
    )


def test_a_reopened_dead_letter_begins_a_round_at_once() -> None:
    letter = replace(failed(REOPENED, "timeout", "late"), status="exhausted", updated_at=BEFORE)
    assert transitions.reopened(letter) == replace(
        letter,
        status="retrying",
        round_start=2,
        reopened=True,
        next_retry_at=NOW,
        waiting=False,
        updated_at=NOW,
    )
