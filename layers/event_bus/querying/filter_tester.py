"""Testing an event against a subscription, or against filters that are not registered."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from event_bus import json_numbers, times
from event_bus.access.callers import Caller
from event_bus.access.ownership import own_subscription
from event_bus.access.payload_readers import PayloadReaders
from event_bus.matching.event_types import covers, matches_any
from event_bus.matching.explain import Reason, explain, nearest
from event_bus.matching.filters import SubscriptionFilter
from event_bus.model.delivery import DeliveryKey
from event_bus.model.enrichment import static_parts
from event_bus.model.event import Event
from event_bus.model.filter_checks import check_filters, check_sent_filters
from event_bus.model.filters import Filters
from event_bus.model.publisher import Publisher
from event_bus.model.subscription import Subscription
from event_bus.model.target import UnknownTarget
from event_bus.model.transitions import MESSAGE_REFUSED
from event_bus.querying.explanations import Explainer
from event_bus.requests.event import accept
from event_bus.requests.testing import FilterTest, SubscriptionTest
from event_bus.targets.aws_transport import sent_to_aws
from event_bus.targets.http import HttpTarget
from event_bus.targets.registry import TARGETS
from event_bus.targets.shaping import TRANSFORM_FAILED, shaped
from event_bus.targets.transport import DeliveryRequest, Sent
from event_bus.targets.upcasting import Upcaster, UpcastFailed
from event_bus.transforms.errors import TransformFailed
from event_bus.transforms.transform import Transform


@dataclass(frozen=True, slots=True)
class FilterResult:
    """The result of a test.

    Attributes:
        reasons: Why the event does not match; empty if it does.
        suggestions: What looks like a mistake, whether it matches or not.
        sent: What the subscription's target would receive, without a signature.
        error: The code and the detail of the error that would prevent the delivery.
    """

    reasons: list[Reason]
    suggestions: list[str]
    sent: Sent | None = None
    error: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FilterTester:
    """Tests events against filters.

    Attributes:
        explainer: Finds stored events that a caller may ask about.
        subscription: Finds a subscription by its id.
        publishers: Reads all publishers.
        readers: Opens payloads for those who may read them.
        upcaster: Brings events to the schema version that a subscription asks for.
    """

    explainer: Explainer
    subscription: Callable[[str], Subscription | None]
    publishers: Callable[[], Iterable[Publisher]]
    readers: PayloadReaders
    upcaster: Upcaster

    def test_subscription(
        self, subscription_id: str, asked: SubscriptionTest, caller: Caller
    ) -> FilterResult:
        """Tests an event against a subscription of the caller.

        Raises:
            NotFound: There is no such subscription or event, or none that the caller may see.
            InvalidRequest: The event that was sent is refused.
        """
        subscription = own_subscription(self.subscription, subscription_id, caller)
        event = self._event(asked, caller)
        compiled = check_filters(subscription.event_types, subscription.filters)
        tested = self._tested(event, compiled, subscription.filters, caller)
        if isinstance(subscription.target, UnknownTarget):
            said = f"this version of the bus has no targets of the type {subscription.target.type}"
            return replace(tested, error=(MESSAGE_REFUSED, said))
        try:
            opened = self.readers.opened(event, subscription.service_id)
            brought = self.upcaster.brought(opened, subscription.schema_version)
            return replace(tested, sent=_sent(brought, subscription, _added(asked, subscription)))
        except TransformFailed as failure:
            return replace(tested, error=(TRANSFORM_FAILED, failure.detail))
        except UpcastFailed as failure:
            return replace(tested, error=("upcast_failed", failure.detail))

    def test_filters(self, asked: FilterTest, caller: Caller) -> FilterResult:
        """Tests an event against filters, and shows what a transform makes of it.

        Raises:
            NotFound: There is no such event, or none that the caller may ask about.
            InvalidRequest: The event, the filters or the transform are refused.
        """
        event = self._event(asked, caller)
        compiled = check_sent_filters(asked.event_types or [event.type], asked.filters)
        transform = asked.transform.transform() if asked.transform else None
        tested = self._tested(event, compiled, asked.filters, caller)
        if transform is None:
            return tested
        try:
            shown = self.readers.shown(event, caller)
            sent = _previewed(shown, transform, caller.service_id, _added(asked))
        except TransformFailed as failure:
            return replace(tested, error=(TRANSFORM_FAILED, failure.detail))
        return replace(tested, sent=sent)

    def _event(self, asked: SubscriptionTest, caller: Caller) -> Event:
        if asked.event is not None:
            return accept(asked.event, asked.event.source or caller.service_id, "/event")
        return self.explainer.event(asked.event_id or "", caller)

    def _tested(
        self, event: Event, compiled: SubscriptionFilter, filters: Filters, caller: Caller
    ) -> FilterResult:
        payload = json_numbers.loads(event.json_payload or b"{}")
        reasons = explain(compiled, filters, event.type, event.source, payload, event.metadata)
        return FilterResult(reasons, self._suggestions(event, compiled, caller))

    def _suggestions(self, event: Event, compiled: SubscriptionFilter, caller: Caller) -> list[str]:
        """Returns a remark on each type without a publisher, with the nearest known type."""
        rights = self.explainer.rights.of(caller.service_id, ())
        registered = {
            pattern
            for publisher in self.publishers()
            for pattern in publisher.event_types
            if caller.admin or rights.may_match(caller.service_id, pattern)
        }
        known = sorted(pattern for pattern in registered if "*" not in pattern)
        suggestions = []
        if not matches_any(registered, event.type):
            suggestions.append(_unknown(event.type, known))
        for asked in compiled.event_types:
            exact = "*" not in asked and asked != event.type
            if exact and not any(covers(pattern, asked) for pattern in registered):
                suggestions.append(_unknown(asked, known))
        return suggestions


def _added(asked: SubscriptionTest, subscription: Subscription | None = None) -> bytes | None:
    """Returns the parts to add to the event of a test: those of the request, or the static ones."""
    if asked.enrichment is not None:
        return json_numbers.dumps(asked.enrichment)
    if subscription is None or subscription.enrichment is None:
        return None
    return static_parts(subscription.enrichment)


def _sent(event: Event, subscription: Subscription, added: bytes | None) -> Sent:
    request = _shaped_request(event, subscription, added)
    return TARGETS.of_lane(subscription.target.lane).sent(request)


def _previewed(event: Event, transform: Transform, service_id: str, added: bytes | None) -> Sent:
    """Returns a transformed event: for a callback URL, with the attributes for a queue."""
    now = times.now()
    subscription = Subscription(
        id="sub_test",
        service_id=service_id,
        name=service_id,
        event_types=[event.type],
        filters={},
        target=HttpTarget(""),
        status="active",
        version=0,
        created_at=now,
        updated_at=now,
        transform=transform,
    )
    request = _shaped_request(event, subscription, added)
    over_http = TARGETS.of_lane(HttpTarget.lane).sent(request)
    return replace(over_http, attributes=sent_to_aws(request).attributes)


def _shaped_request(
    event: Event, subscription: Subscription, added: bytes | None
) -> DeliveryRequest:
    key = DeliveryKey(event.id, subscription.id)
    request = DeliveryRequest(key, event, subscription, enrichment=added)
    return replace(request, shaped=shaped(request))


def _unknown(event_type: str, known: list[str]) -> str:
    near = nearest(event_type, known)
    said = f"no publisher is registered for {event_type}"
    return f"{said}; did you mean {near}?" if near else said
