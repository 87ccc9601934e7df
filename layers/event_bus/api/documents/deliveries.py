"""Deliveries, their attempts, and dead letters."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from event_bus.api.documents.members import Count, Page, Time
from event_bus.model import delivery as model
from event_bus.model.delivery import DeadLetterStatus, DeliveryStatus


class DeliveryError(TypedDict):
    """Why a delivery has not succeeded."""

    code: str
    message: str
    timestamp: Time


class Delivery(TypedDict):
    """The delivery of an event to a subscription."""

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
    """One attempt of a delivery."""

    number: Count
    at: Time
    duration_ms: Count
    code: str | None
    message: str
    status_code: int | None
    response: Annotated[str, Field(description="The beginning of the answer.")]


class DeadLetter(TypedDict):
    """A delivery that failed, with its attempts."""

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
    """The result of a bulk retry."""

    retried: Count
    next_cursor: Annotated[
        str | None,
        Field(description="Send the same body with it as `cursor` for the rest; null at the end."),
    ]


def delivery_document(delivery: model.Delivery) -> Delivery:
    """A delivery, as an event shows it."""
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
    """A dead letter, with its attempts."""
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
