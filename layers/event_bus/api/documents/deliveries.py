"""Deliveries, their attempts, and dead letters."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from event_bus.api.documents.members import Count, Page, Time
from event_bus.model import delivery as model
from event_bus.model.delivery import DeadLetterStatus, DeliveryStatus


class DeliveryError(TypedDict):
    """Why a delivery has not succeeded.

    Attributes:
        code: The error code, which is stable.
        message: The error in a sentence.
        timestamp: When it happened.
    """

    code: str
    message: str
    timestamp: Time


class Delivery(TypedDict):
    """The delivery of an event to a subscription.

    Attributes:
        subscription_id: The subscription that the event matched.
        service_id: The service that owns the subscription.
        replay_id: The replay that the delivery belongs to; null if it is the first delivery of the
            event.
        status: `pending`: no attempt has ended yet. `held`: a pause holds the event. `retrying`:
            another attempt follows. `exhausted`: no attempt follows by itself. `dropped`: it ended
            without success, because its guarantee permits that, because its subscription, event or
            command has ended, or because a person discarded it.
        attempts: The number of attempts.
        last_error: The last error, while the event is not delivered.
        next_retry_at: When the next attempt is due, while one follows.
        dead_letter_id: The dead letter, once the delivery has become one.
        delivered_at: When the event was delivered.
    """

    subscription_id: str
    service_id: str
    replay_id: str | None
    status: DeliveryStatus
    attempts: Count
    last_error: DeliveryError | None
    next_retry_at: Time | None
    dead_letter_id: str | None
    delivered_at: Time | None


class Attempt(TypedDict):
    """One attempt of a delivery.

    Attributes:
        number: The number of the attempt, from 1 on.
        at: When the attempt began.
        duration_ms: How long the attempt took, in milliseconds.
        code: The error code; null after a success.
        message: The error in a sentence; empty after a success.
        status_code: The HTTP status of the answer, if there was one.
    """

    number: Count
    at: Time
    duration_ms: Count
    code: str | None
    message: str
    status_code: int | None
    response: Annotated[str, Field(description="The beginning of the answer.")]


class DeadLetter(TypedDict):
    """A delivery that needs attention, with its attempts.

    Attributes:
        id: The id of the dead letter.
        event_id: The event.
        event_type: The type of the event.
        subscription_id: The subscription.
        subscriber_id: The service that owns the subscription.
        replay_id: The replay that the delivery belongs to, if it belongs to one.
        status: `retrying` while another attempt follows by itself, `exhausted` if none does,
            `resolved` once the event was delivered, discarded or dropped.
        error: The last error.
        retry_count: How many attempts followed the first one.
        next_retry_at: When the next attempt is due, while one follows.
        attempts: The last 50 attempts, in their order.
        created_at: When the delivery was first recorded.
        updated_at: When the delivery was last recorded.
    """

    id: str
    event_id: str
    event_type: str
    subscription_id: str
    subscriber_id: str
    replay_id: str | None
    status: DeadLetterStatus
    error: DeliveryError | None
    retry_count: Count
    next_retry_at: Time | None
    attempts: list[Attempt]
    created_at: Time
    updated_at: Time


class DeadLetterPage(Page):
    """A page of dead letters."""

    items: list[DeadLetter]


class BulkRetry(TypedDict):
    """The result of a bulk retry.

    Attributes:
        retried: How many dead letters this request has retried. The bus makes the first attempt of
            10 of them at once, and that of 10 more in each second after that.
    """

    retried: Count
    next_cursor: Annotated[
        str | None,
        Field(description="Send the same body with it as `cursor` for the rest; null at the end."),
    ]


def delivery_document(delivery: model.Delivery) -> Delivery:
    """Returns a delivery, as an event shows it."""
    return {
        "subscription_id": delivery.key.subscription_id,
        "service_id": delivery.service_id,
        "replay_id": delivery.key.replay_id,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "last_error": _error(delivery.last_error),
        "next_retry_at": delivery.next_retry_at,
        "dead_letter_id": delivery.dead_letter_id,
        "delivered_at": delivery.delivered_at,
    }


def dead_letter_document(letter: model.Delivery) -> DeadLetter:
    """Returns a dead letter, with its attempts."""
    return {
        "id": letter.dead_letter_id or "",
        "event_id": letter.key.event_id,
        "event_type": letter.event_type,
        "subscription_id": letter.key.subscription_id,
        "subscriber_id": letter.service_id,
        "replay_id": letter.key.replay_id,
        "status": letter.dead_letter_status,
        "error": _error(letter.last_error),
        "retry_count": max(0, letter.attempts - 1),
        "next_retry_at": letter.next_retry_at,
        "attempts": [_attempt(each) for each in letter.log],
        "created_at": letter.created_at,
        "updated_at": letter.updated_at,
    }


def _error(error: model.DeliveryError | None) -> DeliveryError | None:
    if error is None:
        return None
    return {"code": error.code, "message": error.message, "timestamp": error.timestamp}


def _attempt(attempt: model.Attempt) -> Attempt:
    return {
        "number": attempt.number,
        "at": attempt.at,
        "duration_ms": attempt.duration_ms,
        "code": attempt.code,
        "message": attempt.message,
        "status_code": attempt.status_code,
        "response": attempt.response,
    }
