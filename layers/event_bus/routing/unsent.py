"""Dead letters for deliveries whose lane message SQS refuses, before any attempt."""

from dataclasses import replace
from typing import Final

from event_bus import times
from event_bus.delivery.message import Message
from event_bus.ids import new_id
from event_bus.model.delivery import Delivery, DeliveryError
from event_bus.model.event import Event

REFUSED: Final = "message_refused"
"""The error code of a delivery whose message SQS refuses for its content."""

_SAID = "SQS refuses the message that would bring the event to its lane"


def begun(message: Message, event: Event | None = None) -> Delivery:
    """The delivery that a message asks for, before its first attempt.

    Args:
        message: The message.
        event: The event, if it is known.
    """
    now = times.now()
    return Delivery(
        key=message.key,
        service_id=message.service_id,
        event_type=event.type if event else "",
        status="pending",
        attempts=0,
        round_start=message.round_start,
        protocol=message.protocol,
        stored_at=event.created_at if event else "",
        created_at=now,
        updated_at=now,
    )


def ended(delivery: Delivery, code: str = REFUSED, said: str = _SAID) -> Delivery:
    """A delivery as a dead letter that waits for a person.

    Args:
        delivery: The delivery so far.
        code: Why it ended, as an error code.
        said: The same for people.
    """
    now = times.now()
    return replace(
        delivery,
        status="exhausted",
        last_error=DeliveryError(code, said, now),
        next_retry_at=None,
        waiting=False,
        dead_letter_id=delivery.dead_letter_id or new_id("dl"),
        updated_at=now,
    )
