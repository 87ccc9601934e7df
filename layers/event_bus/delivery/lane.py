"""Delivers a lane's batch in parallel, sends follow-up messages, and reports unfinished ones."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

from event_bus import times
from event_bus.delivery.attempts import AttemptOrder, AttemptRunner, PendingAttempt, in_order
from event_bus.delivery.batch_plan import BatchPlan
from event_bus.delivery.circuits import Circuits, Permits
from event_bus.delivery.disabling import GONE, LONG_FAILING, Disabler
from event_bus.delivery.enriching import to_be_enriched
from event_bus.delivery.hand_over import HandOver
from event_bus.delivery.messages import (
    Batch,
    MessageResult,
    apart,
    attempted,
    follow_up,
    read_batch,
    safely,
    send_back,
    sent_back,
)
from event_bus.delivery.ordered import OrderedRunner
from event_bus.delivery.pacing import Turns
from event_bus.delivery.queue_message import QueueMessage
from event_bus.delivery.steps import AttemptResult
from event_bus.delivery.stream_walk import WalkOrder
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.log import logger
from event_bus.model.circuit import Circuit
from event_bus.model.delivery import DeliveryKey
from event_bus.model.subscription import Subscription
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message

_DAY_SECONDS = 86_400

# Work that begins within this time ends before the function times out: reading a stream takes up to
# 20 s, and an attempt 30 s more.
_CHAIN_SECONDS = 8.0

Begun = AttemptResult | PendingAttempt | WalkOrder
"""The result of a message, or the work that remains for it."""

Task = Callable[[], dict[int, AttemptResult]]
"""Does what remains, and returns results by the place of their message in the batch."""


@dataclass(frozen=True, slots=True)
class LaneRunner:
    """Delivers the messages of one protocol.

    Attributes:
        runner: Delivers single events.
        ordered: Delivers streams in order.
        subscriptions: The subscriptions of messages.
        circuits: Their circuit breakers.
        disabler: Disables subscriptions that are gone or fail too long.
        lanes: The queues for messages of further attempts.
        executor: Delivers in parallel; one worker for each message of a batch.
        pacing: Takes messages of slow, new and limited subscriptions out of batches, or makes
            them wait for their turn; None if the protocol has one lane only.
    """

    runner: AttemptRunner
    ordered: OrderedRunner
    subscriptions: SubscriptionCache
    circuits: Circuits
    disabler: Disabler
    lanes: Lanes
    executor: Executor
    pacing: HandOver | Turns | None = None

    def process(self, batch: Sequence[QueueMessage]) -> list[str]:
        """Delivers a batch.

        Returns:
            The ids of messages that the queue must keep and deliver again.
        """
        lane_kind = self.pacing.lane_kind if self.pacing else "main"
        readable, kept = read_batch(batch, lane_kind=lane_kind)
        subscriptions = self.subscriptions.of([message for _, message in readable])
        moved = to_be_enriched(readable, subscriptions, self.runner.deliveries) | apart(readable)
        kept |= send_back(self.lanes, readable, moved)
        readable = [each for place, each in enumerate(readable) if place not in moved]
        permits = Permits(self.circuits, subscriptions)
        # This also reads paces. A paused subscription with a limit needs its pace: the plan
        # compares series, so that messages keep their turns.
        permits.look_up(
            each.id
            for each in subscriptions.values()
            if each.status == "active" or each.rate_limit is not None
        )
        plan = self.pacing.plan(readable, subscriptions) if self.pacing else BatchPlan()
        # At once, so that moved messages do not wait for the attempts of the others.
        kept |= send_back(self.lanes, readable, plan.moved)
        ready = [each for place, each in enumerate(readable) if place not in plan.moved]

        results = self._handle(ready, permits, subscriptions, plan.side_by_side)
        if self.pacing:
            self.pacing.close()
        done = [MessageResult(*each, result) for each, result in zip(ready, results, strict=True)]
        kept |= follow_up(self.lanes, done)
        gone = {each.message.subscription_id for each in done if each.result and each.result.gone}
        self._disable_failing(permits, gone, subscriptions)
        return sorted(kept)

    def _handle(
        self,
        batch: Batch,
        permits: Permits,
        subscriptions: dict[str, Subscription],
        side_by_side: Mapping[str, int],
    ) -> list[AttemptResult | None]:
        """Returns the results of messages; None for a message that must come again."""
        walked: set[DeliveryKey] = set()
        carried = {message.event_id: message.event for _, message in batch if message.event}

        def begin(place: int) -> Begun | None:
            queue_message, message = batch[place]
            subscription = subscriptions.get(message.subscription_id)
            order = AttemptOrder(queue_message, message, subscription, permits, walked, carried)
            return safely(partial(self._begin, order))

        endings = _Endings(self.pacing, [message.subscription_id for _, message in batch])
        chains = _chains([message for _, message in batch], side_by_side)
        in_turn = {place for chain in chains for place in chain}
        at_once = [place for place in range(len(batch)) if place not in in_turn]
        begun = dict(zip(at_once, self.executor.map(begin, at_once), strict=True))
        results = {place: each for place, each in begun.items() if isinstance(each, AttemptResult)}
        endings.note(results)
        tasks: list[Task] = [
            *(partial(self._one_by_one, chain, batch, begin) for chain in chains),
            *self._left_to_do(begun),
        ]
        for done in self.executor.map(safely, map(endings.noting, tasks)):
            results |= done or {}
        return [results.get(place) for place in range(len(batch))]

    def _one_by_one(
        self,
        chain: Sequence[int],
        batch: Batch,
        begin: Callable[[int], Begun | None],
    ) -> dict[int, AttemptResult]:
        """Delivers messages one after the other, while the function's time allows.

        A message whose attempt was made needs no time. It only sends the retry, which no other
        message can send.
        """
        results: dict[int, AttemptResult] = {}
        end = self.runner.clock() + _CHAIN_SECONDS
        made = partial(attempted, self.runner.deliveries)
        for place in chain:
            if self.runner.clock() > end and not safely(partial(made, *batch[place])):
                results |= _later(place, *batch[place])
                continue
            begun = begin(place)
            if isinstance(begun, AttemptResult):
                results[place] = begun
            for done in map(safely, self._left_to_do({place: begun})):
                results |= done or {}
        return results

    def _left_to_do(self, begun: Mapping[int, Begun | None]) -> Iterator[Task]:
        batches: defaultdict[Hashable, dict[int, PendingAttempt]] = defaultdict(dict)
        streams: defaultdict[Hashable, dict[int, WalkOrder]] = defaultdict(dict)
        for place, each in begun.items():
            if isinstance(each, PendingAttempt):
                batches[self.runner.transport.batch_key(each.request)][place] = each
            elif isinstance(each, WalkOrder):
                streams[each.cursor_key][place] = each
        # A stream may take long, so it begins before the others end.
        for asked in streams.values():
            yield partial(self._walk, asked)
        for pending in batches.values():
            yield partial(self._make_attempts, pending)

    def _walk(self, asked: dict[int, WalkOrder]) -> dict[int, AttemptResult]:
        """Handles the messages of one stream. The first one usually delivers the events of all.

        If they were handled at the same time, the others would find the cursor held.
        """
        results: dict[int, AttemptResult] = {}
        end = self.runner.clock() + _CHAIN_SECONDS
        for place, each in asked.items():
            if self.runner.clock() > end and not each.is_needless:
                results |= _later(place, each.order.queue_message, each.order.message)
            elif result := safely(partial(self.ordered.handle, each)):
                results[place] = result
        return results

    def _make_attempts(self, pending: dict[int, PendingAttempt]) -> dict[int, AttemptResult]:
        made = zip(pending, self.runner.make(list(pending.values())), strict=True)
        return {place: result for place, result in made if result}

    def _begin(self, order: AttemptOrder) -> Begun:
        message = order.message
        if in_order(order):
            event, unreadable = self.runner.event_of(message)
            if event and (stream := event.stream):
                asked = WalkOrder(order, event, stream)
                if _without_walk(message, order.subscription):
                    return self.ordered.wait_for_resume(asked)
                return self._unsent_retry(order) or asked
            if event is None:
                return self.ordered.end_without_event(order, unreadable=unreadable)
        return self.runner.begin(order)

    def _unsent_retry(self, order: AttemptOrder) -> AttemptResult | None:
        """Returns the retry that a message could not send at an earlier receipt, if there is one.

        It need not wait until the stream is free.
        """
        if order.queue_message.receives == 1:
            return None
        record = self.runner.deliveries.get(order.message.key)
        done = self.runner.done(order, record) if record else None
        return done if done and done.follow_up else None

    def _disable_failing(
        self, permits: Permits, gone: set[str], subscriptions: dict[str, Subscription]
    ) -> None:
        """Counts the results of a batch, and disables subscriptions that are gone or failing."""
        # Counting protects subscribers only. A failure here must not repeat a delivery.
        try:
            troubled = permits.close()
            for each in gone:
                self.disabler.disable(subscriptions[each], GONE)
            for each, circuit in troubled.items():
                if each not in gone and _fails_too_long(circuit, subscriptions[each]):
                    self.disabler.disable(subscriptions[each], LONG_FAILING)
        except Exception:
            logger.exception("subscribers not disabled")


class _Endings:
    """Tells the pacing of a lane when all attempts of a subscription in the batch have ended."""

    def __init__(self, pacing: HandOver | Turns | None, subscription_ids: Sequence[str]) -> None:
        """Counts the messages of each subscription in a batch.

        Args:
            pacing: The pacing of the lane; None if it has none.
            subscription_ids: The subscription of each message, in the order of the batch.
        """
        self._pacing = pacing
        self._subscription_ids = subscription_ids
        self._left = Counter(subscription_ids)
        self._counting = threading.Lock()

    def noting(self, task: Task) -> Task:
        """Returns the same task, which notes the places that it has handled."""

        def noted() -> dict[int, AttemptResult]:
            done = task()
            self.note(done)
            return done

        return noted

    def note(self, places: Iterable[int]) -> None:
        """Counts messages as handled, by their places; a failed one ends with its batch."""
        own = [self._subscription_ids[place] for place in places]
        with self._counting:
            self._left.subtract(own)
            ended = [each for each in dict.fromkeys(own) if not self._left[each]]
        for each in ended:
            if self._pacing:
                self._pacing.ended(each)


def _chains(messages: Sequence[Message], side_by_side: Mapping[str, int]) -> list[list[int]]:
    """Returns the places of messages that are delivered one after the other.

    Args:
        messages: The messages of a batch.
        side_by_side: How many attempts may be made at the same time, by subscription.
    """
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, message in enumerate(messages):
        if message.subscription_id in side_by_side:
            places[message.subscription_id].append(place)
    return [
        own[number :: side_by_side[subscription_id]]
        for subscription_id, own in places.items()
        if side_by_side[subscription_id] < len(own)
        for number in range(side_by_side[subscription_id])
    ]


def _without_walk(message: Message, subscription: Subscription | None) -> bool:
    """Returns whether only the event of a message waits, because its subscription is paused."""
    if subscription is None or subscription.status != "paused":
        return False
    # A message of a replay, or of a subscription that catches up, may stand for earlier events.
    # Then a walk finds the first event that is owed, and that one waits.
    reads = message.replay_id is not None or subscription.catches_up
    return not reads


def _fails_too_long(circuit: Circuit, subscription: Subscription) -> bool:
    if circuit.failing_since is None:
        return False
    days = subscription.retry_policy.disable_after_days
    return times.unix() - circuit.failing_since > days * _DAY_SECONDS


def _later(place: int, queue_message: QueueMessage, message: Message) -> dict[int, AttemptResult]:
    """Returns the result of a message for which no time is left; none if the queue must keep it."""
    again = sent_back(queue_message, replace(message, delay=1))
    return {place: AttemptResult(settled=False, follow_up=again)} if again else {}
