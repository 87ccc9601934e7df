"""Subscriptions whose last attempt failed."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from event_bus import times
from event_bus.api.documents.circuits import Circuit, circuit_document
from event_bus.api.documents.members import Count, Time
from event_bus.model.subscription import SubscriptionStatus
from event_bus.registry import failing as failures


class LastError(TypedDict):
    """Why the last attempt failed.

    Attributes:
        code: The error code.
        message: The error in a sentence.
    """

    code: str
    message: str
    timestamp: Annotated[Time, Field(description="When the attempt began.")]


class FailingSubscription(TypedDict):
    """A subscription whose last attempt failed, and why.

    Attributes:
        subscription_id: The subscription.
        service_id: The service that owns it.
        name: The name of the subscription.
        status: The status of the subscription.
        last_error: The error of the last attempt.
        circuit: Its circuit breaker.
    """

    subscription_id: str
    service_id: str
    name: str
    status: SubscriptionStatus
    last_error: LastError | None
    failing_since: Annotated[
        Time | None, Field(description="When the first attempt failed after the last success.")
    ]
    attempts: Annotated[Count, Field(description="How many have failed since then.")]
    waiting: Annotated[
        Count,
        Field(description="How many deliveries wait for another attempt; it may be a minute old."),
    ]
    circuit: Circuit
    last_success: Annotated[
        Time | None,
        Field(description="The last success before that, if the bus has recorded one."),
    ]


class FailingList(TypedDict):
    """The subscriptions that fail at present.

    Attributes:
        items: The subscriptions, the worst first.
    """

    items: list[FailingSubscription]
    total: Annotated[
        Count, Field(description="How many fail, also beyond `limit`; for an admin, 1,000 at most.")
    ]


def failing_document(failing: failures.FailingSubscription) -> FailingSubscription:
    """Returns a failing subscription, with its last error."""
    subscription, circuit = failing.subscription, failing.circuit
    error = circuit.last_error
    return {
        "subscription_id": subscription.id,
        "service_id": subscription.service_id,
        "name": subscription.name,
        "status": subscription.status,
        "last_error": {"code": error.code, "message": error.message, "timestamp": error.timestamp}
        if error
        else None,
        "failing_since": times.at(circuit.failing_since) if circuit.failing_since else None,
        "attempts": circuit.consecutive,
        "waiting": failing.waiting,
        "circuit": circuit_document(circuit),
        "last_success": times.at(circuit.last_success) if circuit.last_success else None,
    }
