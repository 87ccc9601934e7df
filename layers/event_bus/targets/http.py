"""Targets of the type `http`: callback URLs, with requests signed as Standard Webhooks defines."""

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal, cast

import orjson

from event_bus import times
from event_bus.callbacks.client import MAX_RESPONSE_BYTES, CallbackAnswer, CallbackClient
from event_bus.callbacks.failures import Unanswered
from event_bus.encryption.signing_secrets import SecretNotOpened
from event_bus.encryption.webhook_signatures import signed_headers
from event_bus.model.outcome import Outcome
from event_bus.model.subscription import Subscription
from event_bus.model.target import Target
from event_bus.targets.answer_times import AnswerTimes
from event_bus.targets.answers import reply_by, wants_reply
from event_bus.targets.envelope import delivery_trace, envelope
from event_bus.targets.target_type import REPLYING, Grants, TargetType
from event_bus.targets.transport import DeliveryRequest, Sent
from event_bus.version import USER_AGENT

if TYPE_CHECKING:
    from event_bus.targets.answers import Replies

_PROBLEM_MEDIA_TYPE = "application/problem+json"
_ASKS_TO_WAIT = frozenset({429, 503})
_OWN_HEADERS = {"user-agent": USER_AGENT}


@dataclass(frozen=True, slots=True)
class HttpTarget(Target):
    """A callback.

    Attributes:
        url: Where events are posted.
        reply: Whether its answers are published as the replies that events ask for.
    """

    url: str
    reply: bool = False
    type: Literal["http"] = field(default="http", kw_only=True)
    lane: ClassVar[str] = "http"
    paced: ClassVar[bool] = True
    signed: ClassVar[bool] = True
    headers: ClassVar[bool] = True

    @property
    def callback_url(self) -> str:
        """The URL."""
        return self.url

    @property
    def replies(self) -> bool:
        """Whether its answers are published as replies."""
        return self.reply


@dataclass(frozen=True, slots=True)
class HttpTransport:
    """Delivers by HTTP.

    Attributes:
        secrets: The secrets that sign what is delivered to a subscription.
        client: Makes the requests.
        clock: The Unix time, in seconds.
        answers: Measures how long subscribers take to answer.
        replies: Makes the service that publishes replies, at the first reply.
    """

    secrets: Callable[[Subscription], Sequence[str]]
    client: CallbackClient = field(default_factory=CallbackClient)
    clock: Callable[[], float] = times.unix
    answers: AnswerTimes = field(default_factory=AnswerTimes)
    replies: "Callable[[], Replies] | None" = None

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """Returns a key that no other request has, unless its subscription asks for batches."""
        transform = request.subscription.transform
        if transform and transform.mode == "batched":
            return request.subscription.id, request.key.replay_id
        return request.key

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Posts each event; an answer of 2xx means that the subscriber took it.

        Events of a batch go in one request, and have one outcome.
        """
        first = requests[0]
        if first.shaped and first.shaped.batched:
            answer = self._post(first.subscription, _batch_id(requests), *_batched(requests))
            return [self._outcome(answer)] * len(requests)
        return [self._made(each) for each in requests]

    def _made(self, request: DeliveryRequest) -> Outcome:
        answer = self._post(request.subscription, request.key.webhook_id, *_request(request))
        outcome = self._outcome(answer)
        target = cast("HttpTarget", request.subscription.target)
        if isinstance(answer, Outcome) or not target.replies or not self.replies:
            return outcome
        if not wants_reply(request):
            return outcome
        return _replied(request, answer, outcome, self.replies())

    def _post(
        self, subscription: Subscription, webhook_id: str, body: bytes, unsigned: dict[str, str]
    ) -> CallbackAnswer | Outcome:
        """Posts a body, and returns the answer, or the outcome if there was none.

        The whole exchange, from the connection to the end of the answer, has the timeout of the
        subscription's retry policy.

        Args:
            subscription: Whom it is for.
            webhook_id: The id by which the receiver recognises a repetition.
            body: The body.
            unsigned: The headers, without those of the signature.
        """
        # A lane delivers only to targets of its own type.
        target = cast("HttpTarget", subscription.target)
        try:
            secrets = self.secrets(subscription)
        except SecretNotOpened as failure:
            return Outcome(
                "secret_not_opened",
                failure.detail,
                unsendable=failure.damaged,
                unsent=not failure.damaged,
            )
        signed = signed_headers(webhook_id, int(self.clock()), body, secrets)
        headers = {**unsigned, **signed}
        seconds = subscription.retry_policy.timeout
        repeatable = not subscription.at_most_once
        try:
            with self.answers.waiting(subscription.id) as wait:
                return self.client.exchange(
                    *("POST", target.url, headers, seconds, body),
                    repeatable=repeatable,
                    watch=wait.ask,
                )
        except Unanswered as failure:
            return Outcome(failure.code, failure.message)

    def _outcome(self, answer: CallbackAnswer | Outcome) -> Outcome:
        if isinstance(answer, Outcome):
            return answer
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


def _replied(
    request: DeliveryRequest, answer: CallbackAnswer, outcome: Outcome, replies: "Replies"
) -> Outcome:
    """Publishes an answer as the reply, if it is one.

    A success without a body is not a reply: the subscriber replies later. Problem details
    with a status of 4xx, after which another attempt would be useless, reply that a command failed.
    """
    failed = (
        outcome.client_error
        and answer.status >= 400
        and not outcome.gone
        and answer.media_type == _PROBLEM_MEDIA_TYPE
        and request.event.expected_replies is not None
    )
    if not (failed or outcome.delivered) or not answer.body:
        return outcome
    if answer.cut:
        said = f"the answer has {MAX_RESPONSE_BYTES} bytes or more"
        published = replies.refuse(request, said)
    else:
        published = reply_by(request, replies, answer.body, failed=failed)
    return replace(published, status_code=answer.status, response=answer.begun)


def _request(request: DeliveryRequest) -> tuple[bytes, dict[str, str]]:
    """Returns the body and the headers of a request, without those of the signature."""
    key, event, made = request.key, request.event, request.shaped
    headers = {
        **(made.headers if made else {}),
        "content-type": made.content_type if made else "application/json",
        **_OWN_HEADERS,
    }
    if key.replay_id:
        headers["event-bus-replay"] = key.replay_id
    if context := delivery_trace(key, event):
        headers["traceparent"] = context.traceparent
        if state := event.metadata.get("tracestate"):
            headers["tracestate"] = state
    return made.body if made else orjson.dumps(envelope(key, event, request.enrichment)), headers


def _batched(requests: Sequence[DeliveryRequest]) -> tuple[bytes, dict[str, str]]:
    """Returns the body and the headers of a request that carries a batch of CloudEvents."""
    from event_bus.transforms.cloudevents import BATCH_MEDIA_TYPE, batch  # noqa: PLC0415

    bodies = [each.shaped.body for each in requests if each.shaped]
    first = requests[0]
    headers = {
        **(first.shaped.headers if first.shaped else {}),
        "content-type": BATCH_MEDIA_TYPE,
        **_OWN_HEADERS,
    }
    if first.key.replay_id:
        headers["event-bus-replay"] = first.key.replay_id
    return batch(bodies), headers


def _batch_id(requests: Sequence[DeliveryRequest]) -> str:
    """Returns the id of a batch: that of its only event, or a hash of those of its events."""
    ids = [each.key.webhook_id for each in requests]
    if len(ids) == 1:
        return ids[0]
    return f"batch_{hashlib.sha256(' '.join(ids).encode()).hexdigest()[:32]}"


def _sent(request: DeliveryRequest) -> Sent:
    made = request.shaped
    if made and made.binary:
        return Sent(made.as_text(), _request(request)[1], in_base64=True)
    body, headers = _batched([request]) if made and made.batched else _request(request)
    return Sent(body.decode(), headers)


def _seconds(retry_after: str, now: float) -> float | None:
    """Returns the seconds in a `Retry-After` (RFC 9110, 10.2.3); None if it has no valid time."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        # More digits than the longest wait has.
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


TARGET = TargetType(
    name="Http",
    settings=HttpTarget,
    transport=lambda deployment: HttpTransport(
        deployment.signing_secrets(),
        deployment.callback_client(),
        replies=cache(deployment.replies),
    ),
    grants=Grants(callbacks=True, **REPLYING),
    sent=_sent,
    members={
        "url": "The URL that events are posted to.",
        "reply": "Whether its answers are published as the replies that events ask for.",
    },
)
