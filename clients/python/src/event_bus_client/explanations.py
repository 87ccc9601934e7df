"""Why an event matches a subscription or does not, and the results of tests."""

from typing import Any

from event_bus_client.models import Document


class Reason(Document):
    """A reason why an event does not match.

    Attributes:
        code: Its kind, such as `type` or `field`.
        pointer: The part of the subscription that is not met, as a JSON pointer.
        detail: What is wrong.
        suggestion: What was probably meant, if it can be guessed.
    """

    code: str
    pointer: str
    detail: str
    suggestion: str | None = None


class Match(Document):
    """The bus's decision on an event and a subscription.

    Attributes:
        subscription_id: The subscription.
        service_id: The service that it belongs to.
        name: Its name for people.
        matched: Whether the event was routed to it, or will be.
        reason: The first reason why not.
    """

    subscription_id: str
    service_id: str
    name: str
    matched: bool
    reason: Reason | None = None


class Tested(Document):
    """The result of testing a subscription or filters with an event.

    Attributes:
        matched: Whether the event matches.
        reasons: Why it does not.
        suggestions: What looks like a mistake, whether it matches or not.
        sent: What the target would receive: `body` or `body_base64`, `headers` and `attributes`;
            None if it was not tested.
        error: The code and the detail of what would prevent a delivery.
    """

    matched: bool
    reasons: list[Reason]
    suggestions: list[str]
    sent: dict[str, Any] | None = None
    error: dict[str, str] | None = None
