"""The HTTP lanes and the enrichment lane in virtual time: queues, functions and subscribers.

It measures how long events take to subscribers. The lanes' own code runs in as many functions as
are deployed; each takes up to ten messages and is occupied until its slowest attempt has ended.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
from event_bus import times
from event_bus.delivery.attempts import AttemptRunner
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.disabling import Disabler
from event_bus.delivery.enriching import EnrichmentRunner, EnrichmentStep
from event_bus.delivery.hand_over import HandOver
from event_bus.delivery.history import StreamHistory
from event_bus.delivery.lane import LaneRunner
from event_bus.delivery.live_stream import LiveStreams
from event_bus.delivery.ordered import OrderedRunner
from event_bus.delivery.pacing import Turns
from event_bus.delivery.queue_message import QueueMessage
from event_bus.delivery.replayed_stream import ReplayedStreams
from event_bus.delivery.source_pacing import SourcePacing, pace_name
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.log import logger
from event_bus.model.delivery import DeliveryKey
from event_bus.model.enrichment import MAX_SECONDS, HttpSource
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.pace import Pace
from event_bus.model.subscription import Subscription
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import LaneKind, Message, lane_name
from event_bus.stores.announced_changes import AnnouncedChanges
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.claims import ClaimStore
from event_bus.stores.cursors import CursorStore
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.stores.paces import PaceStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.routings import RoutingStore
from event_bus.stores.streams import StreamStore
from event_bus.stores.subscriptions import SubscriptionStore
from event_bus.stores.table import Table
from event_bus.targets.answer_times import AnswerTimes
from event_bus.targets.registry import TARGETS
from event_bus.targets.transport import DeliveryRequest

from infra.tables import TABLES
from tests.builders import event, subscription
from tests.simulation.dynamodb import MemoryDynamoDB
from tests.simulation.tables import Tables
from tests.simulation.virtual_time import VirtualExecutor, VirtualTime, VirtualTimers
from tests.timed_transport import TimedTransport

NOON = 1_777_636_800.0
OVERHEAD_SECONDS = 0.03
"""The time of a function besides its attempts, in seconds."""

_DAYS = 30
_BATCH = 10
_SEED = 1

Answer = Callable[[float, random.Random], float]
"""Returns the seconds that a subscriber takes to answer, by the seconds since the start."""


@dataclass
class QueueInTime:
    """A lane's queue, and the functions that work on it.

    Attributes:
        free: The functions that wait for work.
        fair: Whether it prefers messages of subscriptions with few in flight, as SQS does for
            message groups.
    """

    free: list[LaneRunner | EnrichmentRunner]
    fair: bool
    waiting: defaultdict[str, list[tuple[int, Message]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    in_flight: Counter[str] = field(default_factory=Counter)

    def take(self) -> list[tuple[int, Message]]:
        """The messages of the next batch."""
        batch: list[tuple[int, Message]] = []
        while len(batch) < _BATCH:
            groups = [group for group, messages in self.waiting.items() if messages]
            if not groups:
                break
            group = min(
                groups,
                key=lambda each: (
                    self.in_flight[each] if self.fair else 0,
                    self.waiting[each][0][0],
                ),
            )
            batch.append(self.waiting[group].pop(0))
            self.in_flight[group] += 1
        return batch


class LanesInTime:
    """The lanes and their subscribers.

    Attributes:
        time: The time.
        arrived: For each subscription, when each event was published and when it first arrived.
        requests: When each subscriber was asked.
        asked: When the source of each subscription was asked.
        most_at_once: The most simultaneous requests of a subscription.
    """

    def __init__(self, concurrency: int, paced_concurrency: int, *, fair: bool = True) -> None:
        self.time = VirtualTime(NOON)
        self.arrived: defaultdict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
        self.requests: defaultdict[str, list[float]] = defaultdict(list)
        self.asked: defaultdict[str, list[float]] = defaultdict(list)
        self.most_at_once: Counter[str] = Counter()
        self._present: Counter[str] = Counter()
        self._published: dict[str, float] = {}
        self._answers: dict[str, Answer] = {}
        self._sources: dict[str, Answer] = {}
        self._rng = random.Random(_SEED)
        self._numbers = iter(range(10**9))
        self._client = cast("Any", MemoryDynamoDB(Tables(TABLES)))
        self.subscriptions = SubscriptionStore(
            Table(self._client, "subscriptions"), TARGETS, Table(self._client, "changes")
        )
        self.paces = PaceStore(Table(self._client, "circuits"), _DAYS)
        self._queues = {
            "http": QueueInTime([], fair),
            "http_paced": QueueInTime([], fair),
            "http_slow": QueueInTime([], fair),
            "enrich": QueueInTime([], fair),
        }
        counts: dict[LaneKind, int] = {
            "main": concurrency,
            "paced": paced_concurrency,
            "slow": paced_concurrency,
        }
        for kind, count in counts.items():
            self._queues[lane_name("http", kind)].free = [
                self._lane(kind, share=max(1, count // 2)) for _ in range(count)
            ]
        self._queues["enrich"].free = [
            self._enrichment_lane(max(1, concurrency // 2)) for _ in range(concurrency)
        ]

    def subscribe(
        self,
        name: str,
        answer: Answer,
        *,
        source: Answer | None = None,
        known: bool = True,
        **members: Any,
    ) -> None:
        """Adds a subscription.

        Args:
            name: Its id.
            answer: How long its subscriber takes.
            source: How long the source of its enrichment takes; None for no enrichment.
            known: Whether it is known to be fast; a new one is on trial.
            members: Further members of it.
        """
        self._answers[name] = answer
        if source:
            self._sources[name] = source
            members["enrichment"] = {"part": HttpSource(url="https://source.example/")}
        self.subscriptions.create(subscription(name, **members))
        if not known:
            self.paces.put_anew(name, Pace(state="trial", version=1))
        elif source:
            self.paces.put_anew(pace_name(name), Pace(version=1))

    def publish(self, name: str, *, rate: float, seconds: float, start: float = 0.0) -> None:
        """Publishes events for a subscription at random times.

        Args:
            name: The subscription.
            rate: The average number a second.
            seconds: For how long.
            start: When they begin, in seconds after the start.
        """
        moment = NOON + start
        while (moment := moment + self._rng.expovariate(rate)) < NOON + start + seconds:
            self.time.at(moment, partial(self._publish, name))

    def flood(self, name: str, events: int, start: float = 0.0) -> None:
        """Publishes events for a subscription all at once."""
        for _ in range(events):
            self.time.at(NOON + start, partial(self._publish, name))

    def run(self, seconds: float) -> None:
        """Runs until some seconds have passed since the start."""
        self.time.run(NOON + seconds)

    def latencies(self, *names: str) -> list[float]:
        """Returns the latencies of the events of some subscriptions, in order."""
        return sorted(
            arrived - published
            for name in names
            for published, arrived in self.arrived[name].values()
        )

    # The transport of both lanes.

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """Each request carries one event."""
        return request.key

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Makes one request for each event."""
        return [self._deliver(request.subscription, request.event.id) for request in requests]

    def _deliver(self, to: Subscription, event_id: str) -> Outcome:
        now, name = self.time.now, to.id
        self.requests[name].append(now)
        self.arrived[name].setdefault(event_id, (self._published[event_id], now))
        self._present[name] += 1
        self.most_at_once[name] = max(self.most_at_once[name], self._present[name])
        seconds = self._answers[name](now - NOON, self._rng)
        timeout = to.retry_policy.timeout
        self.time.sleep(min(seconds, timeout))
        self._present[name] -= 1
        if seconds > timeout:
            return Outcome("timeout", "no complete answer")
        return Outcome(status_code=204)

    def _enrich(self, _key: DeliveryKey, _event: Event, to: Subscription) -> bytes:
        self.asked[to.id].append(self.time.now)
        self.time.sleep(min(self._sources[to.id](self.time.now - NOON, self._rng), MAX_SECONDS))
        return b"{}"

    # The queues.

    def send(self, messages: Sequence[Message]) -> list[Message]:
        """Sends messages to their lanes, which refuse none."""
        for message in messages:
            self.time.at(self.time.now + message.delay, partial(self._arrive, message))
        return []

    def _publish(self, name: str) -> None:
        event_id = f"evt_{next(self._numbers)}"
        self._published[event_id] = self.time.now
        to = subscription(name)
        enriches = name in self._sources
        self._arrive(Message(event_id, name, to.service_id, 0, event(event_id), enriches=enriches))

    def _arrive(self, message: Message) -> None:
        queue = self._queues[message.lane]
        queue.waiting[message.subscription_id].append((next(self._numbers), message))
        # After everything else that arrives at this time, so that it is one batch.
        self.time.at(self.time.now, partial(self._work, queue))

    def _work(self, queue: QueueInTime) -> None:
        while queue.free and (batch := queue.take()):
            self.time.start(partial(self._process, queue, queue.free.pop(0), batch))

    def _process(
        self,
        queue: QueueInTime,
        lane: LaneRunner | EnrichmentRunner,
        batch: list[tuple[int, Message]],
    ) -> None:
        self.time.sleep(OVERHEAD_SECONDS)
        kept = lane.process(
            [QueueMessage(str(number), 1, message.to_json()) for number, message in batch]
        )
        assert kept == []
        queue.in_flight.subtract(message.subscription_id for _, message in batch)
        queue.free.append(lane)
        self._work(queue)

    def _lane(self, kind: LaneKind, share: int) -> LaneRunner:
        executor = cast("Any", VirtualExecutor(self.time))
        client = self._client
        circuits = Circuits(CircuitStore(Table(client, "circuits"), _DAYS))
        deliveries = DeliveryStore(Table(client, "deliveries"), _DAYS)
        events = EventStore(Table(client, "events"), PayloadStore(cast("Any", None), ""))
        timers = cast("Any", VirtualTimers(self.time))
        pacing: HandOver | Turns
        timed = TimedTransport(self, AnswerTimes(records=kind != "main", timers=timers))
        if kind == "main":
            pacing = HandOver(circuits, self.paces, deliveries)
        else:
            pacing = Turns(circuits, self.paces, deliveries, timed.answers, share, kind)
        timed.answers.slow = pacing.slow
        runner = AttemptRunner(
            timed,
            events,
            ClaimStore(Table(client, "deliveries"), _DAYS),
            deliveries,
            lambda _service, _event: True,
            cast("Lanes", self),
        )
        return LaneRunner(
            runner=runner,
            ordered=_ordered(client, runner),
            subscriptions=SubscriptionCache(self.subscriptions),
            circuits=circuits,
            disabler=Disabler(AnnouncedChanges(self.subscriptions, events, _DAYS)),
            lanes=cast("Lanes", self),
            executor=executor,
            pacing=pacing,
        )

    def _enrichment_lane(self, share: int) -> EnrichmentRunner:
        client, timers = self._client, cast("Any", VirtualTimers(self.time))
        deliveries = DeliveryStore(Table(client, "deliveries"), _DAYS)
        pacing = SourcePacing(
            *(Circuits(CircuitStore(Table(client, "circuits"), _DAYS)), self.paces, deliveries),
            functions=share,
            timers=timers,
        )
        return EnrichmentRunner(
            EnrichmentStep(
                self._enrich,
                EventStore(Table(client, "events"), PayloadStore(cast("Any", None), "")),
                deliveries,
                lambda _service, _event: True,
                pacing.measured,
            ),
            SubscriptionCache(self.subscriptions),
            cast("Lanes", self),
            cast("Any", VirtualExecutor(self.time)),
            timers,
            pacing,
        )


def _ordered(client: Any, runner: AttemptRunner) -> OrderedRunner:
    """Delivers streams without replays."""
    streams = StreamStore(Table(client, "streams"))
    history = StreamHistory(lambda _service, _event: True, runner.events.filtered_payload)
    routings = RoutingStore(Table(client, "deliveries"), _DAYS)
    return OrderedRunner(
        runner,
        CursorStore(Table(client, "cursors"), _DAYS),
        LiveStreams(runner, routings, streams, _DAYS, history),
        ReplayedStreams(runner, streams, history, lambda _: None, cast("Any", None), _DAYS),
    )


@contextmanager
def lanes_in_time(
    concurrency: int, paced_concurrency: int, *, fair: bool = True
) -> Iterator[LanesInTime]:
    """Yields lanes in virtual time."""
    lanes = LanesInTime(concurrency, paced_concurrency, fair=fair)
    clock = SimpleNamespace(
        time=lambda: lanes.time.now, monotonic=lambda: lanes.time.now, sleep=lanes.time.sleep
    )
    state, level = random.getstate(), logger.log_level
    random.seed(_SEED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(times, "time", clock)
        patch.setattr(times, "_steady_clock", times.SteadyClock())
        logger.setLevel("CRITICAL")
        try:
            yield lanes
        finally:
            lanes.time.close()
            logger.setLevel(level)
            random.setstate(state)
