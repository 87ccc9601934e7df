"""The enrichment lane: enriches events, and sends them on to the lane of their target."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from event_bus import times
from event_bus.delivery.messages import (
    Batch,
    FollowUps,
    MessageResult,
    apart,
    attempted,
    read_batch,
    safely,
    send_back,
)
from event_bus.delivery.queue_message import QueueMessage
from event_bus.delivery.source_pacing import SourcePacing
from event_bus.delivery.steps import AttemptResult, DeliveryStep, StepOrder, attempt_of
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.enrichment.calls import ENRICHMENT_FAILED, answer_of
from event_bus.log import logger, traces
from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.pace import SLOW_SECONDS
from event_bus.model.subscription import Subscription
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.timers import Timers

Enrich = Callable[[DeliveryKey, Event, Subscription], bytes | Outcome]
"""Returns the parts to add to an event, as a JSON object, or a failed outcome."""


def to_be_enriched(
    batch: Batch,
    subscriptions: Mapping[str, Subscription],
    deliveries: DeliveryStore,
) -> dict[int, Message]:
    """Returns the messages of a target's lane that must pass the enrichment lane, by their places.

    The router sends most messages to the enrichment lane itself. The others belong to deliveries
    that waited in the table, or were sent before their subscription asked for an enrichment. An
    event that was enriched before its subscription changed is enriched again: the change may
    concern the sources, or the new transform may need other parts.
    """
    moved: dict[int, Message] = {}
    for place, (queue_message, message) in enumerate(batch):
        subscription = subscriptions.get(message.subscription_id)
        if (
            subscription is not None
            and (message.enrichment is None or message.subscription_version < subscription.version)
            and subscription.enriched_first
            and subscription.status == "active"
            and not attempted(deliveries, queue_message, message)
        ):
            anew = replace(message, enrichment=None, enriches=True, delay=0)
            moved[place] = _as_known(anew, subscription)
    return moved


def _as_known(message: Message, subscription: Subscription) -> Message:
    """Returns the message with the newest version of its subscription that is known here."""
    version = max(message.subscription_version, subscription.version)
    return replace(message, subscription_version=version)


@dataclass(frozen=True, slots=True)
class EnrichmentStep(DeliveryStep):
    """Enriches single events.

    Attributes:
        enrich: Makes the parts to add.
        events: Reads events that their message does not carry.
        deliveries: Records deliveries that end or fail here.
        may_receive: Whether a service may still receive an event.
        measured: Measures the enrichment of an event for a subscription.
        clock: Monotonic clock, in seconds.
    """

    enrich: Enrich
    events: EventStore
    deliveries: DeliveryStore
    may_receive: Callable[[str, Event], bool]
    measured: Callable[[Subscription], AbstractContextManager[object]] = nullcontext
    clock: Callable[[], float] = times.steady

    def take(self, order: StepOrder) -> AttemptResult:
        """Enriches the event of a message, and sends it on to the lane of its target.

        A failure is recorded as a failed attempt of the delivery, and the retry policy of the
        subscription determines the next one. A success is not recorded.
        """
        message = replace(order.message, times_held=0)
        order = replace(order, message=message)
        record = self.record_of(order)
        if record and (done := self.done(order, record)):
            return done
        event, unreadable = self.event_of(message)
        if unreadable:
            return self.unreadable(order, record)
        owed = self.owed(order, event, record)
        if isinstance(owed, AttemptResult):
            return owed
        onward = replace(_as_known(message, owed.subscription), enriches=False, delay=0)
        if not owed.subscription.enriched_first:
            return AttemptResult(settled=False, follow_up=onward)
        began, start = times.now(), self.clock()
        with self.measured(owed.subscription):
            found = self.enrich(message.key, owed.event, owed.subscription)
        if isinstance(found, Outcome):
            attempt = attempt_of(message, began, round(1000 * (self.clock() - start)), found)
            return self.failed(order, owed, attempt, found)
        logger.info("event enriched", **traces(owed.event), subscription_id=message.subscription_id)
        return AttemptResult(settled=False, follow_up=replace(onward, enrichment=found))


@dataclass(frozen=True, slots=True)
class CalledEnrichment:
    """Enriches single events for lanes, which call the enrichment function.

    Attributes:
        enrich: Makes the parts to add.
        events: Reads events that their message does not carry.
        subscriptions: The subscriptions of messages.
    """

    enrich: Enrich
    events: EventStore
    subscriptions: SubscriptionCache

    def answer(self, message: Message) -> dict[str, Any]:
        """Returns the answer of the function to a call."""
        subscription = self.subscriptions.of([message]).get(message.subscription_id)
        event = message.event or self.events.find(message.event_id)[0]
        if subscription is None or event is None:
            gone = "the subscription or the event is gone"
            return answer_of(Outcome(ENRICHMENT_FAILED, gone))
        found = self.enrich(message.key, event, subscription)
        return answer_of(found, subscription.version)


@dataclass(frozen=True, slots=True)
class EnrichmentRunner:
    """Enriches the events of a batch in parallel, and sends each on when it is enriched.

    What is enriched within a second is sent together, so that a batch costs one request.

    Attributes:
        step: Enriches single events.
        subscriptions: The subscriptions of messages.
        lanes: The queues for what follows, with an executor of their own.
        executor: Enriches in parallel; one worker for each message of a batch.
        timers: Tells when the second is over.
        pacing: Limits the functions that wait for slow sources.
    """

    step: EnrichmentStep
    subscriptions: SubscriptionCache
    lanes: Lanes
    executor: Executor
    timers: Timers
    pacing: SourcePacing

    def process(self, batch: Sequence[QueueMessage]) -> list[str]:
        """Enriches a batch.

        Returns:
            The ids of messages that the queue must keep and deliver again.
        """
        readable, kept = read_batch(batch, enriches=True)
        subscriptions = self.subscriptions.of([message for _, message in readable])
        moved = apart(readable)
        kept |= send_back(self.lanes, readable, moved)
        readable = [each for place, each in enumerate(readable) if place not in moved]
        plan = self.pacing.plan(readable, subscriptions)
        kept |= send_back(self.lanes, readable, plan.moved)
        own = [place for place in range(len(readable)) if place not in plan.moved]
        # The others do not wait for those that may be slow.
        follow_ups = FollowUps(self.lanes, set(own) - plan.paced or set(own))

        def take(place: int) -> None:
            queue_message, message = readable[place]
            order = StepOrder(queue_message, message, subscriptions.get(message.subscription_id))
            result = safely(partial(self.step.take, order))
            follow_ups.ended(place, MessageResult(queue_message, message, result))
            self.pacing.ended(place)

        late = self.timers.after(SLOW_SECONDS, follow_ups.late)
        try:
            list(self.executor.map(take, own))
        finally:
            late.cancel()
            self.pacing.close()
        return sorted(kept | follow_ups.close())
