"""Every change of a delivery's status; no other module makes one.

| Transition | The delivery is | It becomes |
|---|---|---|
| `begun` | not recorded yet | pending |
| `after_success` | pending or retrying | delivered |
| `after_failure` | pending or retrying | retrying, exhausted, or dropped (at most once) |
| `after_crash` | pending or retrying | retrying, exhausted, or dropped (at most once) |
| `postponed` | pending or retrying | retrying |
| `exhausted` | pending or retrying | exhausted |
| `refused_by_queue` | pending or retrying | exhausted |
| `dropped`, `expired` | pending or retrying | dropped |
| `reopened` | exhausted, or retrying and waiting in the table | retrying |
| `discarded` | pending, retrying or exhausted | dropped |

Delivered, exhausted and dropped end a delivery. A person requests `reopened` and `discarded`. A
delivery becomes a dead letter, with an id, when it is exhausted or waits in the table. The store
refuses a transition from a status that the table does not name.
"""

from dataclasses import replace
from typing import Final

from event_bus import times
from event_bus.ids import new_id
from event_bus.model.delivery import (
    KEPT_ATTEMPTS,
    Attempt,
    Delivery,
    DeliveryError,
    DeliveryKey,
)
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import DeliveryGuarantee

LONGEST_DELAY_SECONDS = 900
"""The longest delay of a queue message; a delivery that must wait longer waits in the table."""

CRASHED: Final = "function_crashed"
"""The error code of a delivery whose function kept crashing."""

MESSAGE_REFUSED: Final = "message_refused"
"""The error code of a delivery whose queue message SQS refuses for its content."""


def begun(
    key: DeliveryKey, service_id: str, protocol: str, event: Event | None, round_start: int = 0
) -> Delivery:
    """Begins a delivery, before its first attempt.

    Args:
        key: The delivery.
        service_id: The service that the subscription belongs to.
        protocol: The lane that the delivery is on.
        event: The event, if it is known.
        round_start: The number of attempts before a person retried it.
    """
    now = times.now()
    first = Delivery(
        key=key,
        service_id=service_id,
        event_type="",
        status="pending",
        attempts=0,
        round_start=round_start,
        protocol=protocol,
        created_at=now,
        updated_at=now,
    )
    return of_event(first, event)


def of_event(delivery: Delivery, event: Event | None) -> Delivery:
    """Adds what a delivery tells about its event; its status stays the same.

    Args:
        delivery: The delivery.
        event: The event; None if it is not known.
    """
    if event is None:
        return delivery
    stream = event.stream.key if event.stream else ""
    return replace(delivery, event_type=event.type, stored_at=event.created_at, stream=stream)


def after_success(delivery: Delivery, attempt: Attempt) -> Delivery:
    """Ends a successful delivery."""
    delivery = _attempted(delivery, attempt)
    return replace(
        _ended(delivery), status="delivered", last_error=None, delivered_at=delivery.updated_at
    )


def after_failure(
    delivery: Delivery,
    attempt: Attempt,
    outcome: Outcome,
    guarantee: DeliveryGuarantee,
    policy: RetryPolicy,
) -> Delivery:
    """Returns the delivery after a failed attempt: it is retried, or it ends.

    Args:
        delivery: The delivery before the attempt.
        attempt: The attempt.
        outcome: Its outcome, which is a failure.
        guarantee: The guarantee of the subscription.
        policy: The retry policy of the subscription.
    """
    delivery = _with_error(_attempted(delivery, attempt), outcome.code or "", outcome.message)
    refused = outcome.client_error and policy.client_errors == "final"
    final = outcome.gone or outcome.unsendable or refused
    if (ended := _at_its_end(delivery, guarantee, policy, final=final)) is not None:
        return ended
    wait = policy.wait_after(delivery.attempts - delivery.round_start, outcome.retry_after)
    return _retrying(delivery, times.after(wait), waiting=wait > LONGEST_DELAY_SECONDS)


def after_crash(
    delivery: Delivery, guarantee: DeliveryGuarantee, policy: RetryPolicy, attempts: int
) -> Delivery:
    """Returns the delivery after its function kept crashing, which counts as one attempt.

    The next attempt waits in the table, because the queue has given up the message.

    Args:
        delivery: The delivery before that.
        guarantee: The guarantee of the subscription.
        policy: The retry policy of the subscription.
        attempts: The number of attempts, including the crashed one.
    """
    delivery = replace(delivery, attempts=attempts)
    delivery = _with_error(delivery, CRASHED, "the function that delivers crashed")
    if (ended := _at_its_end(delivery, guarantee, policy, final=False)) is not None:
        return ended
    wait = policy.wait_after(attempts - delivery.round_start)
    return _retrying(delivery, times.after(wait), waiting=True)


def postponed(delivery: Delivery, until: float, code: str, message: str) -> Delivery:
    """Lets a delivery wait in the table without an attempt.

    Args:
        delivery: The delivery.
        until: When the next attempt is due, in Unix seconds.
        code: The error code that says why.
        message: The reason in a sentence.
    """
    delivery = _with_error(delivery, code, message)
    return _retrying(delivery, times.at(until), waiting=True)


def exhausted(delivery: Delivery, code: str, message: str) -> Delivery:
    """Ends a delivery as a dead letter that waits for a person; the error says why.

    Args:
        delivery: The delivery.
        code: The error code that says why.
        message: The reason in a sentence.
    """
    return replace(
        _ended(_with_error(delivery, code, message)),
        status="exhausted",
        dead_letter_id=_dead_letter_id(delivery),
    )


def refused_by_queue(delivery: Delivery) -> Delivery:
    """Ends a delivery as a dead letter because SQS refuses its queue message."""
    said = "SQS refuses the message that would bring the event to its lane"
    return exhausted(delivery, MESSAGE_REFUSED, said)


def dropped(delivery: Delivery, code: str, message: str) -> Delivery:
    """Ends a delivery that is no longer owed; the error says why.

    Args:
        delivery: The delivery.
        code: The error code that says why.
        message: The reason in a sentence.
    """
    return replace(_ended(_with_error(delivery, code, message)), status="dropped")


def expired(delivery: Delivery) -> Delivery:
    """Ends the delivery of a command whose deadline has passed."""
    return dropped(delivery, "command_expired", "the deadline of the command has passed")


def reopened(delivery: Delivery, delay: int = 0) -> Delivery:
    """Gives a dead letter a new round of attempts.

    Args:
        delivery: The dead letter.
        delay: The seconds until the first of these attempts.
    """
    now = times.now()
    return replace(
        delivery,
        status="retrying",
        round_start=delivery.attempts,
        reopened=delivery.reopened + 1,
        next_retry_at=times.after(delay) if delay else now,
        waiting=False,
        updated_at=now,
    )


def discarded(delivery: Delivery, by: str) -> Delivery:
    """Ends a dead letter for good.

    Args:
        delivery: The dead letter.
        by: The service that asked for it.
    """
    return dropped(delivery, "discarded", f"discarded by {by}")


def _at_its_end(
    delivery: Delivery, guarantee: DeliveryGuarantee, policy: RetryPolicy, *, final: bool
) -> Delivery | None:
    """Returns the ended delivery if no attempt may follow a failed one, or None."""
    if guarantee == "at_most_once":
        return replace(_ended(delivery), status="dropped")
    if final or delivery.attempts - delivery.round_start >= policy.max_attempts:
        return replace(
            _ended(delivery), status="exhausted", dead_letter_id=_dead_letter_id(delivery)
        )
    return None


def _attempted(delivery: Delivery, attempt: Attempt) -> Delivery:
    return replace(
        delivery,
        attempts=attempt.number,
        updated_at=times.now(),
        log=(*delivery.log, attempt)[-KEPT_ATTEMPTS:],
    )


def _retrying(delivery: Delivery, next_retry_at: str, *, waiting: bool) -> Delivery:
    return replace(
        delivery,
        status="retrying",
        next_retry_at=next_retry_at,
        waiting=waiting,
        dead_letter_id=_dead_letter_id(delivery) if waiting else delivery.dead_letter_id,
    )


def _ended(delivery: Delivery) -> Delivery:
    return replace(delivery, next_retry_at=None, waiting=False)


def _with_error(delivery: Delivery, code: str, message: str) -> Delivery:
    now = times.now()
    return replace(delivery, updated_at=now, last_error=DeliveryError(code, message, now))


def _dead_letter_id(delivery: Delivery) -> str:
    return delivery.dead_letter_id or new_id("dl")
