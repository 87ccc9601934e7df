"""What every lane does with a batch: deliver side by side, send what follows, say what is left."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from event_bus import times
from event_bus.delivery.circuits import Circuits, Permits
from event_bus.delivery.courier import Courier, Handled, Received, Trial
from event_bus.delivery.message import Message, from_json
from event_bus.delivery.ordered import OrderedCourier
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.log import logger
from event_bus.model.circuit import Circuit
from event_bus.model.registration import Subscription
from event_bus.registry.disabling import GONE, LONG_FAILING, Disabler
from event_bus.routing.lanes import Lanes

_DAY_SECONDS = 86_400

_Result = TypeVar("_Result")

Walk = Callable[[], Handled]
"""Goes along a stream for a message."""

Begun = Handled | Trial | Walk
"""What came of a message, or what is still to be done about it."""

Task = Callable[[], dict[int, Handled]]
"""Does what is left, and tells what came of messages by their place in the batch."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Delivers the messages of one protocol.

    Attributes:
        courier: Delivers single events.
        ordered: Delivers streams in order.
        subscriptions: The subscriptions that messages are for.
        circuits: Their circuit breakers.
        disabler: Disables those that are gone or fail too long.
        lanes: Where the messages of further attempts are sent.
        executor: Delivers side by side; one worker for each message of a batch.
    """

    courier: Courier
    ordered: OrderedCourier
    subscriptions: SubscriptionCache
    circuits: Circuits
    disabler: Disabler
    lanes: Lanes
    executor: Executor

    def process(self, batch: Sequence[Received]) -> list[str]:
        """Delivers a batch.

        Returns:
            The ids of the messages that the queue must keep; it hands them over again.
        """
        readable = [(received, message) for received in batch if (message := _read(received))]
        kept = {received.id for received in batch} - {received.id for received, _ in readable}
        subscriptions = self.subscriptions.of([message for _, message in readable])
        permits = Permits(self.circuits)
        permits.look_up(each.id for each in subscriptions.values() if each.status == "active")

        results = self._handle(readable, permits, subscriptions)
        done = list(zip(readable, results, strict=True))
        kept |= {received.id for (received, _), handled in done if handled is None}
        kept |= self._send_follow_ups(
            [(received, handled) for (received, _), handled in done if handled]
        )
        gone = {
            message.subscription_id for (_, message), handled in done if handled and handled.gone
        }
        self._take_stock(permits, gone, subscriptions)
        return sorted(kept)

    def _handle(
        self,
        batch: Sequence[tuple[Received, Message]],
        permits: Permits,
        subscriptions: dict[str, Subscription],
    ) -> list[Handled | None]:
        """Does what messages ask for; None stands for one that must come again."""

        def begin(each: tuple[Received, Message]) -> Begun | None:
            received, message = each
            subscription = subscriptions.get(message.subscription_id)
            return _safely(partial(self._begin, received, message, subscription, permits))

        begun = list(self.executor.map(begin, batch))
        handled = {place: each for place, each in enumerate(begun) if isinstance(each, Handled)}
        for done in self.executor.map(_safely, self._left_to_do(begun, permits)):
            handled |= done or {}
        return [handled.get(place) for place in range(len(batch))]

    def _left_to_do(self, begun: Sequence[Begun | None], permits: Permits) -> Iterator[Task]:
        together: defaultdict[Hashable, dict[int, Trial]] = defaultdict(dict)
        for place, each in enumerate(begun):
            if isinstance(each, Trial):
                together[self.courier.transport.together(each.parcel)][place] = each
            elif callable(each):
                # Going along a stream takes its time: it is not waited for before all have begun.
                yield partial(_at, place, each)
        for trials in together.values():
            yield partial(self._make, trials, permits)

    def _make(self, trials: dict[int, Trial], permits: Permits) -> dict[int, Handled]:
        made = zip(trials, self.courier.make(list(trials.values()), permits), strict=True)
        return {place: handled for place, handled in made if handled}

    def _begin(
        self,
        received: Received,
        message: Message,
        subscription: Subscription | None,
        permits: Permits,
    ) -> Begun:
        # Of one that was deleted it is not known any more; it may have held others back.
        if (subscription is None or subscription.ordered) and message.replay_id is None:
            event = message.event or self.courier.events.get(message.event_id)
            if event and event.stream_id:
                return partial(self.ordered.handle, received, message, event, subscription, permits)
        return self.courier.begin(received, message, subscription, permits)

    def _send_follow_ups(self, done: list[tuple[Received, Handled]]) -> set[str]:
        follow_ups = [(received.id, handled.follow_up) for received, handled in done]
        messages = [message for _, message in follow_ups if message]
        if not messages:
            return set()
        try:
            self.lanes.send(messages)
        except Exception:
            logger.exception("retries not sent", messages=len(messages))
            return {message_id for message_id, message in follow_ups if message}
        return set()

    def _take_stock(
        self, permits: Permits, gone: set[str], subscriptions: dict[str, Subscription]
    ) -> None:
        # What is counted here guards the subscribers. No delivery hangs on it: it must not have
        # any of them repeated.
        try:
            troubled = permits.close()
            for each in gone:
                self.disabler.disable(each, GONE)
            for each, circuit in troubled.items():
                if each not in gone and _fails_too_long(circuit, subscriptions[each]):
                    self.disabler.disable(each, LONG_FAILING)
        except Exception:
            logger.exception("subscribers not disabled")


def _fails_too_long(circuit: Circuit, subscription: Subscription) -> bool:
    if circuit.failing_since is None:
        return False
    days = subscription.retry_policy.disable_after_days
    return times.unix() - circuit.failing_since > days * _DAY_SECONDS


def _at(place: int, walk: Walk) -> dict[int, Handled]:
    return {place: walk()}


def _safely(work: Callable[[], _Result]) -> _Result | None:
    try:
        return work()
    except Exception:
        # The others of the batch are not to be delivered again for this one's sake.
        logger.exception("delivery failed")
        return None


def _read(received: Received) -> Message | None:
    try:
        return from_json(received.body)
    except Exception:
        # It stays on the queue, and goes to the redrive queue, for a person to look at.
        logger.exception("message cannot be read", message_id=received.id)
        return None
