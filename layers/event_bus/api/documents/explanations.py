"""Explanations: why events match subscriptions, or do not."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from event_bus.api.documents.members import Object, Page
from event_bus.matching import explain
from event_bus.querying import explanations, filter_tester
from event_bus.targets import transport


class Reason(TypedDict):
    """One reason why an event does not match.

    Attributes:
        detail: The reason in a sentence.
    """

    code: Annotated[
        str,
        Field(
            description="`type`, `field`, `array`, `limited` or `invalid`; for a stored event also "
            "`not_permitted`, `later`, `changed`, or the status of a subscription that is not "
            "active."
        ),
    ]
    pointer: Annotated[
        str, Field(description="The part of the subscription that is not met, as a JSON pointer.")
    ]
    detail: str
    suggestion: Annotated[
        str | None, Field(description="What was probably meant, if it can be guessed.")
    ]


class Match(TypedDict):
    """The bus's decision on an event and a subscription.

    Attributes:
        subscription_id: The subscription.
        service_id: The service that owns it.
        name: The name of the subscription.
    """

    subscription_id: str
    service_id: str
    name: str
    matched: Annotated[bool, Field(description="Whether the event was routed to it, or will be.")]
    reason: Annotated[Reason | None, Field(description="The first reason why not.")]


class MatchPage(Page):
    """A page of the subscriptions that the caller may see, each with the decision on an event."""

    items: list[Match]
    routed: Annotated[bool, Field(description="Whether the event was routed.")]


class Sent(TypedDict):
    """What a target would receive, without a signature.

    Attributes:
        body: The body, as text.
        headers: The headers of the request, for a callback URL.
        attributes: The message attributes, for a queue or a topic.
    """

    body: NotRequired[str]
    body_base64: NotRequired[
        Annotated[str, Field(description="In place of `body`, if it is not a text.")]
    ]
    headers: dict[str, str]
    attributes: Object


class SendError(TypedDict):
    """The error that would prevent a delivery.

    Attributes:
        code: The error code.
        detail: The error in a sentence.
    """

    code: str
    detail: str


class SubscriptionTestResult(TypedDict):
    """The result of testing a subscription.

    Attributes:
        matched: Whether the event matches the subscription.
        reasons: Why the event does not match; empty if it does.
        suggestions: What looks like a mistake, whether the event matches or not.
    """

    matched: bool
    reasons: list[Reason]
    suggestions: list[str]
    sent: Annotated[
        Sent | None,
        Field(description="What the target would receive, even if the event does not match."),
    ]
    error: Annotated[SendError | None, Field(description="Why nothing would be sent.")]


class TestResult(TypedDict):
    """The result of a test.

    Attributes:
        matched: Whether the event matches the types and filters.
        reasons: Why the event does not match; empty if it does.
    """

    matched: bool
    reasons: list[Reason]
    suggestions: Annotated[
        list[str], Field(description="What looks like a mistake, whether it matches or not.")
    ]
    sent: NotRequired[
        Annotated[
            Sent | None,
            Field(
                description="The event as the transform of the request shapes it: the body and "
                "the headers for a callback URL, and the attributes for a queue or a topic."
            ),
        ]
    ]
    error: NotRequired[Annotated[SendError | None, Field(description="Why the transform fails.")]]


def match_document(match: explanations.Match) -> Match:
    """Returns a match."""
    return {
        "subscription_id": match.subscription.id,
        "service_id": match.subscription.service_id,
        "name": match.subscription.name,
        "matched": match.matched,
        "reason": _reason(match.reason) if match.reason else None,
    }


def test_document(tested: filter_tester.FilterResult) -> TestResult:
    """Returns the result of a test."""
    result: TestResult = {
        "matched": not tested.reasons,
        "reasons": [_reason(each) for each in tested.reasons],
        "suggestions": tested.suggestions,
    }
    if tested.sent or tested.error:
        result["sent"] = _sent(tested.sent)
        result["error"] = _error(tested.error)
    return result


def subscription_test_document(tested: filter_tester.FilterResult) -> SubscriptionTestResult:
    """Returns the result of testing a subscription."""
    return {
        "matched": not tested.reasons,
        "reasons": [_reason(each) for each in tested.reasons],
        "suggestions": tested.suggestions,
        "sent": _sent(tested.sent),
        "error": _error(tested.error),
    }


def _sent(sent: transport.Sent | None) -> Sent | None:
    if sent is None:
        return None
    shown: Sent = {"headers": dict(sent.headers), "attributes": dict(sent.attributes)}
    shown["body_base64" if sent.in_base64 else "body"] = sent.body
    return shown


def _error(error: tuple[str, str] | None) -> SendError | None:
    return {"code": error[0], "detail": error[1]} if error else None


def _reason(reason: explain.Reason) -> Reason:
    return {
        "code": reason.code,
        "pointer": reason.pointer,
        "detail": reason.detail,
        "suggestion": reason.suggestion,
    }
