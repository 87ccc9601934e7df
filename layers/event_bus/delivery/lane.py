"""What every lane does with a batch: deliver side by side, send what follows, say what is left."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from event_bus import times
from event_bus.delivery.circuits import Circuits, Tally
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

Work = Callable[[], Handled]
"""What is still to be done about a message."""


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
        closed_until = self._closed_until([message for _, message in readable], subscriptions)

        results = self._handle(readable, closed_until, subscriptions)
        done = list(zip(readable, results, strict=True))
        kept |= {received.id for (received, _), handled in done if handled is None}
        kept |= self._send_follow_ups(
            [(received, handled) for (received, _), handled in done if handled]
        )
        self._take_stock(
            [(message, handled) for (_, message), handled in done if handled], subscriptions
        )
        return sorted(kept)

    def _closed_until(
        self, messages: Sequence[Message], subscriptions: dict[str, Subscription]
    ) -> list[float | None]:
        active = {each.id for each in subscriptions.values() if each.status == "active"}
        try:
            self.circuits.look_up(active)
            # One after the other: of an open circuit one message may be the probe.
            return [
                self.circuits.closed_until(message.subscription_id)
                if message.subscription_id in active
                else None
                for message in messages
            ]
        except Exception:
            # Better to bother a subscriber than to hold up its events.
            logger.exception("circuits not read")
            return [None] * len(messages)

    def _handle(
        self,
        batch: Sequence[tuple[Received, Message]],
        closed_until: Sequence[float | None],
        subscriptions: dict[str, Subscription],
    ) -> list[Handled | None]:
        """Does what messages ask for; None stands for one that must come again."""

        def begin(place: int) -> Handled | Trial | Work | None:
            (received, message), until = batch[place], closed_until[place]
            subscription = subscriptions.get(message.subscription_id)
            return _safely(message, lambda: self._begin(received, message, subscription, until))

        begun = list(self.executor.map(begin, range(len(batch))))
        results: list[Handled | None] = [
            each if isinstance(each, Handled) else None for each in begun
        ]
        groups: dict[Hashable, list[int]] = {}
        for place, each in enumerate(begun):
            if isinstance(each, Trial):
                # Those that go together on their way are handed over together.
                groups.setdefault(self.courier.transport.together(each.parcel), []).append(place)
            elif callable(each):
                groups[place, each] = [place]

        def finish(places: list[int]) -> list[Handled | None]:
            first = begun[places[0]]
            message = batch[places[0]][1]
            if callable(first):
                return [_safely(message, first)]
            trials = [each for place in places if isinstance(each := begun[place], Trial)]
            made = _safely(message, lambda: self.courier.make(trials))
            return made if made is not None else [None] * len(places)

        for places, handled in zip(
            groups.values(), self.executor.map(finish, groups.values()), strict=True
        ):
            for place, each in zip(places, handled, strict=True):
                results[place] = each
        return results

    def _begin(
        self,
        received: Received,
        message: Message,
        subscription: Subscription | None,
        closed_until: float | None,
    ) -> Handled | Trial | Work:
        # Of one that was deleted it is not known any more; it may have held others back.
        if (subscription is None or subscription.ordered) and message.replay_id is None:
            event = message.event or self.courier.events.get(message.event_id)
            if event and event.stream_id:
                # Going along a stream takes its time: those that only begin do not wait for it.
                return partial(
                    self.ordered.handle, received, message, event, subscription, closed_until
                )
        return self.courier.begin(received, message, subscription, closed_until)

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
        self, done: list[tuple[Message, Handled]], subscriptions: dict[str, Subscription]
    ) -> None:
        # What is counted here guards the subscribers. No delivery hangs on it: it must not have
        # any of them repeated.
        try:
            tallies: defaultdict[str, Tally] = defaultdict(Tally)
            for message, handled in done:
                if handled.delivered is not None:
                    tallies[message.subscription_id] = tallies[message.subscription_id].with_one(
                        delivered=handled.delivered
                    )
            gone = {message.subscription_id for message, handled in done if handled.gone}
            for each in gone:
                self.disabler.disable(each, GONE)
            for each, circuit in self.circuits.count(tallies).items():
                if each not in gone and _fails_too_long(circuit, subscriptions[each]):
                    self.disabler.disable(each, LONG_FAILING)
        except Exception:
            logger.exception("circuits not counted")


def _fails_too_long(circuit: Circuit, subscription: Subscription) -> bool:
    if circuit.failing_since is None:
        return False
    days = subscription.retry_policy.disable_after_days
    return times.unix() - circuit.failing_since > days * _DAY_SECONDS


def _safely(message: Message, work: Callable[[], _Result]) -> _Result | None:
    try:
        return work()
    except Exception:
        # The others of the batch are not to be delivered again for this one's sake.
        logger.exception("delivery failed", event_id=message.event_id)
        return None


def _read(received: Received) -> Message | None:
    try:
        return from_json(received.body)
    except Exception:
        # It stays on the queue, and goes to the redrive queue, for a person to look at.
        logger.exception("message cannot be read", message_id=received.id)
        return None
