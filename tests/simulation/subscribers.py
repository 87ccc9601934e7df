"""Subscribers behind callback URLs, which check each attempt as it arrives."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any, cast

import orjson
from event_bus import times
from event_bus.model.delivery import DeliveryKey
from event_bus.model.enrichment import StaticSource
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.subscription import Subscription
from event_bus.targets.answers import Replies, reply_by, wants_reply
from event_bus.targets.http import HttpTarget
from event_bus.targets.transport import DeliveryRequest

from tests.simulation.commanders import Commanders
from tests.simulation.known import ReceivedAttempt, Violation

_PAUSE_KNOWN_SECONDS = 10 + 10 * 13.0
"""How long after a pause was answered an attempt may still be made that was routed before it: lanes
remember a subscription for 10 seconds, and a batch makes its attempts one after the other."""

_BATCH_SECONDS = 10 * 13.0
"""How long after its permission an attempt may be made, after the others of its batch."""

_HANDED_OVER_SECONDS = 30 + 10 * 13.0
"""How long after a type was taken away an event may still be sent that was routed before.

Beside the 30 seconds that the bus promises, it waits for the other attempts of a batch.
"""


def _check_enriched(request: DeliveryRequest) -> None:
    """Checks that an event has exactly the parts that its subscription asks for."""
    asked = request.subscription.enrichment
    if asked is None:
        if request.enrichment is not None:
            raise Violation(f"{request.key} comes with what nobody asked for")
        return
    added = orjson.loads(request.enrichment) if request.enrichment else {}
    owed = {name for name, source in asked.items() if source.fallback == "fail"}
    if not owed <= added.keys() <= asked.keys():
        raise Violation(f"{request.key} comes with {sorted(added)}")
    if added.get("customer", {"of": request.event.id}) != {"of": request.event.id}:
        raise Violation(f"{request.key} comes with a part of another event")
    for name, source in asked.items():
        if isinstance(source, StaticSource) and added[name] != orjson.loads(source.json):
            raise Violation(f"{request.key} comes with a part that its subscription had before")


class Subscribers(Commanders):
    """The transport of the HTTP lane, with the subscribers behind it.

    Attributes:
        replies: Makes the service that publishes replies, in the delivering process.
    """

    replies: Callable[[], Replies]

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """Each request carries one event."""
        return request.key

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Makes one attempt for each request, as the subscriber sees it."""
        for each in requests:
            _check_enriched(each)
        return [self._answered(each) for each in requests]

    def _answered(self, request: DeliveryRequest) -> Outcome:
        self._check_shape(request)
        outcome = self._deliver(request)
        target = cast("HttpTarget", request.subscription.target)
        if not (target.reply and outcome.response and wants_reply(request)):
            return outcome
        return reply_by(request, self.replies(), outcome.response.encode())

    def _check_shape(self, request: DeliveryRequest) -> None:
        """Checks that the attempts of a delivery by an unchanged subscription send one body."""
        if (request.shaped is None) is not (request.subscription.transform is None):
            raise Violation(f"{request.key} is not in the shape that its subscription asks for")
        if request.shaped:
            sent = request.key, request.subscription.version
            first = self.bodies.setdefault(sent, request.shaped.body)
            if first != request.shaped.body:
                raise Violation(f"{request.key} is sent once more, with another body")

    def _deliver(self, request: DeliveryRequest) -> Outcome:
        key, subscription = request.key, request.subscription
        subscriber = self.subscribers[cast("HttpTarget", subscription.target).url]
        began = self.now
        self.now += subscriber.seconds
        self._check_attempt(request)
        self.hand_over()
        number = 1 + sum(each.key == key for each in subscriber.log)
        outcome = subscriber.answer(request.event, number)
        answered = True
        if outcome.delivered and subscriber.lies:
            subscriber.lies -= 1
            answered = False
        replied = outcome.delivered and bool(outcome.response)
        taken = outcome.delivered
        subscriber.log.append(
            ReceivedAttempt(key, taken, answered, began, replied, self.running_call())
        )
        return outcome if answered else Outcome("timeout", "no complete answer")

    def _check_permitted(self, event: Event, subscription: Subscription) -> None:
        if event.source == "eventbus":
            return
        # Events that were routed before a type was revoked are still sent for some time.
        since = max(times.seconds(event.created_at), self.before(_HANDED_OVER_SECONDS))
        if self.permitted(subscription.service_id, event.type, event.source, since) == {False}:
            raise Violation(f"{event.id} is sent to {subscription.service_id}, who may not have it")

    def _check_attempt(self, request: DeliveryRequest) -> None:
        key, event, subscription = request.key, request.event, request.subscription
        self._check_permitted(event, subscription)
        paused_at = self.paused.get(subscription.id, self.now)
        if paused_at < self.before(_PAUSE_KNOWN_SECONDS):
            raise Violation(f"{key} is attempted, and its subscription is paused")
        self._check_open(key, event, subscription)
        # Lambda ends a function before its claims lapse. One that a fault delays lives longer.
        lapsed = request.until is not None and self.now > request.until
        exactly_once = subscription.delivery_guarantee == "exactly_once"
        if exactly_once and self.status(key) == "delivered" and not lapsed:
            raise Violation(f"{key} is attempted after its success was recorded")
        if subscription.ordered and event.stream:
            self._check_turn(key, event, subscription)

    def _check_turn(self, key: DeliveryKey, event: Event, subscription: Subscription) -> None:
        """Checks that nothing earlier in the stream, or in that of its replay, is under way."""
        by_routing = key.replay_id is None and not subscription.catches_up
        if by_routing and not (self.matched(event.id, key.subscription_id) or self._reopened(key)):
            raise Violation(f"{key} is attempted, and its stream goes on without it")
        for earlier in self._earlier(event, subscription):
            before = replace(key, event_id=earlier)
            status = self.status(before)
            if status in ("delivered", "exhausted", "dropped") or self._reopened(before):
                continue
            if by_routing and not self.matched(earlier, subscription.id):
                # A message may have been sent for it by a router that crashed, and routed it anew.
                continue
            if status is None and (
                # At the end, the checker looks for events that a replay omitted.
                key.replay_id
                or self.passed_over(earlier, subscription.id)
                or not self.matched(earlier, subscription.id)
            ):
                continue
            raise Violation(f"{event.id} overtakes {earlier} on its way to {key}")

    def _check_open(self, key: DeliveryKey, event: Event, subscription: Subscription) -> None:
        ends = [times.seconds(event.deadline)] if event.deadline else []
        if subscription.handles:
            ends += [self.cancelled[each] for each in [event.id] if each in self.cancelled]
        if any(each < self.before(_BATCH_SECONDS) for each in ends):
            raise Violation(f"{key} is attempted, and the command has ended")
        if subscription.handles and key.replay_id:
            raise Violation(f"{key} repeats a command")

    def _earlier(self, event: Event, subscription: Subscription) -> list[str]:
        followed = subscription.stream
        first = (followed.from_version if followed else None) or 1
        return [
            item["event_id"]["S"]
            for item in self.tables.items["streams"].values()
            if event.stream
            and "event_id" in item
            and item["stream_id"]["S"] == event.stream.key
            and first <= int(item["version"]["N"]) < event.metadata["stream_version"]
        ]

    def _reopened(self, key: DeliveryKey) -> bool:
        """Returns whether a dead letter, which its stream may have passed, is retried."""
        item = self._item(key)
        return item is not None and "reopened" in item

    def status(self, key: DeliveryKey) -> str | None:
        """Returns the status of a delivery, if it is recorded."""
        item = self._item(key)
        return item["status"]["S"] if item else None

    def _item(self, key: DeliveryKey) -> dict[str, Any] | None:
        replay = f"#{key.replay_id}" if key.replay_id else ""
        return self.tables.items["deliveries"].get((key.event_id, key.subscription_id + replay))

    def matched(self, event_id: str, subscription_id: str) -> bool:
        """Returns whether an event was routed to a subscription."""
        routing = self.tables.items["deliveries"].get((event_id, "#routing"))
        return routing is not None and subscription_id in orjson.loads(routing["matched"]["S"])

    def passed_over(self, event_id: str, subscription_id: str) -> bool:
        """Returns whether a pause held an event that is not owed: skipped, or expired meanwhile."""
        routing = self.tables.items["deliveries"].get((event_id, "#routing"))
        if routing is None or "held" not in routing:
            return False
        pause = orjson.loads(routing["held"]["S"]).get(subscription_id)
        skipped = self.skipped.get(subscription_id, 0)
        return pause is not None and (
            pause <= skipped or subscription_id in self.gone or self.event_has_expired(event_id)
        )
