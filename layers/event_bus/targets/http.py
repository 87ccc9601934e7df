"""Targets of the type `http`: callbacks, posted to and signed after Standard Webhooks."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Annotated, ClassVar, Literal, cast

import orjson
from pydantic import AfterValidator

from event_bus import times
from event_bus.callbacks.client import Answer, CallbackClient
from event_bus.callbacks.failures import Unanswered
from event_bus.callbacks.urls import CallbackRules
from event_bus.encryption.signatures import signed_headers
from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.registration import Subscription
from event_bus.model.target import Target
from event_bus.model.validation import checked
from event_bus.settings import settings
from event_bus.targets.answer_times import AnswerTimes
from event_bus.targets.envelope import delivery_trace, envelope
from event_bus.targets.requests import TargetRequest
from event_bus.targets.target_type import Grants, TargetType
from event_bus.targets.transport import DeliveryRequest

_ASKS_TO_WAIT = frozenset({429, 503})


def _check_callback_url(url: str) -> None:
    own = settings()
    CallbackRules(own.own_host, own.callback_networks, local=own.local).check(url)


CallbackUrl = Annotated[str, AfterValidator(checked(_check_callback_url))]
"""A URL that a subscription may name."""


@dataclass(frozen=True, slots=True)
class HttpTarget(Target):
    """A callback.

    Attributes:
        url: Where events are posted.
    """

    url: str
    type: Literal["http"] = field(default="http", kw_only=True)
    lane: ClassVar[str] = "http"
    paced: ClassVar[bool] = True
    signed: ClassVar[bool] = True

    @property
    def callback_url(self) -> str:
        """The URL."""
        return self.url


class HttpTargetRequest(TargetRequest):
    """A callback, as a client sends it."""

    type: Literal["http"]
    url: CallbackUrl

    def target(self) -> HttpTarget:
        """The target."""
        return HttpTarget(self.url)


@dataclass(frozen=True, slots=True)
class HttpTransport:
    """Delivers by HTTP.

    Attributes:
        secrets: The secrets that sign what is delivered to a subscription.
        client: Makes the requests.
        clock: The Unix time, in seconds.
        answers: Measures how long subscribers take to answer.
    """

    secrets: Callable[[Subscription], Sequence[str]]
    client: CallbackClient = field(default_factory=CallbackClient)
    clock: Callable[[], float] = times.unix
    answers: AnswerTimes = field(default_factory=AnswerTimes)

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """Each request carries one event."""
        return request.key

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Posts each event; an answer of 2xx means that the subscriber took it."""
        return [self._deliver(each.key, each.event, each.subscription) for each in requests]

    def _deliver(self, key: DeliveryKey, event: Event, subscription: Subscription) -> Outcome:
        """Posts one event.

        The whole exchange, from the connection to the end of the answer, has the timeout of the
        subscription's retry policy.
        """
        # A lane carries its own target alone.
        target = cast("HttpTarget", subscription.target)
        body = orjson.dumps(envelope(key, event))
        headers = {
            "content-type": "application/json",
            "user-agent": "event-bus/1",
            **signed_headers(key.webhook_id, int(self.clock()), body, self.secrets(subscription)),
        }
        if key.replay_id:
            headers["event-bus-replay"] = key.replay_id
        if context := delivery_trace(key, event):
            headers["traceparent"] = context.traceparent
            if state := event.metadata.get("tracestate"):
                headers["tracestate"] = state
        seconds = subscription.retry_policy.timeout
        repeatable = subscription.delivery_guarantee != "at_most_once"
        try:
            with self.answers.waiting(subscription.id) as wait:
                answer = self.client.exchange(
                    *("POST", target.url, headers, seconds, body),
                    repeatable=repeatable,
                    watch=wait.ask,
                )
        except Unanswered as failure:
            return Outcome(failure.code, failure.message)
        return self._outcome(answer)

    def _outcome(self, answer: Answer) -> Outcome:
        if 200 <= answer.status < 300:
            return Outcome(status_code=answer.status, response=answer.begun)
        asked = answer.headers.get("retry-after") if answer.status in _ASKS_TO_WAIT else None
        return Outcome(
            "http_status",
            f"the subscriber answered {answer.status}",
            status_code=answer.status,
            response=answer.begun,
            retry_after=_seconds(asked, self.clock()) if asked else None,
        )


def _seconds(retry_after: str, now: float) -> float | None:
    """The seconds that a `Retry-After` asks for (RFC 9110, 10.2.3); None where it says nothing."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        # More digits than any wait has.
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


TARGET = TargetType(
    name="Http",
    settings=HttpTarget,
    request=HttpTargetRequest,
    transport=lambda deployment: HttpTransport(
        deployment.signing_secrets(), deployment.callback_client()
    ),
    grants=Grants(callbacks=True),
    members={"url": "The URL that events are posted to."},
)
