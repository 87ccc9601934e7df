"""Gauges of the present state, for Prometheus."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import get_args

from event_bus.metrics.lag import oldest_due, router_lag
from event_bus.metrics.queues import QueueReader
from event_bus.model.circuit import CircuitState
from event_bus.model.metrics import MAX_SERIES, OTHER
from event_bus.model.routing_rule import RoutingRule
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.due_deliveries import DueDeliveries
from event_bus.stores.events import EventStore
from event_bus.stores.replays import ReplayStore
from event_bus.stores.routings import RoutingStore

MAX_REPLAYS = 20
"""The largest number of running replays in an answer."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A metric that rises and falls.

    Attributes:
        name: Its name, without the prefix of the bus.
        help: The text of its `# HELP` line.
        labels: The names of its labels.
        values: The values, by those of the labels.
    """

    name: str
    help: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Gauges:
    """Reads the gauges.

    Attributes:
        routing_rules: Reads the routing rule of every subscription.
        queues: The queues.
        circuits: The circuit breakers.
        replays: The replays.
        events: The events.
        routings: The routing records of the events.
        due: The due deliveries.
        executor: Reads in parallel.
    """

    routing_rules: Callable[[], Iterable[RoutingRule]]
    queues: QueueReader
    circuits: CircuitStore
    replays: ReplayStore
    events: EventStore
    routings: RoutingStore
    due: DueDeliveries
    executor: Executor

    def subscriptions(self) -> Gauge:
        """Returns the number of active subscriptions by event type or type pattern."""
        active: Counter[tuple[str, ...]] = Counter()
        for rule in self.routing_rules():
            if rule.active and not rule.pause:
                for pattern in rule.event_types:
                    known = (pattern,) in active or len(active) < MAX_SERIES
                    active[(pattern,) if known else (OTHER,)] += 1
        said = "Active subscriptions, by type or type pattern."
        return Gauge("active_subscriptions", said, ("type",), active)

    def others(self) -> list[Gauge]:
        """Returns all other gauges."""
        return [
            *self._queues(),
            self._circuits(),
            Gauge(
                "replay_progress_ratio",
                "The part of its period that each running replay has processed.",
                ("replay",),
                {(each.id,): each.progress for each in self.replays.running(MAX_REPLAYS)},
            ),
            Gauge(
                "router_lag_seconds",
                "Age of the newest routed events, rounded up to a power of two.",
                (),
                {(): router_lag(self.events, self.routings, self.executor)},
            ),
            Gauge(
                "oldest_due_delivery_seconds",
                "How long the oldest due delivery is overdue.",
                (),
                {(): oldest_due(self.due, self.executor)},
            ),
        ]

    def _circuits(self) -> Gauge:
        states: Counter[tuple[str, ...]] = Counter({(each,): 0 for each in get_args(CircuitState)})
        states.update((each.state,) for each in self.circuits.all())
        said = "Circuit breakers of subscriptions with recent failures, by state."
        return Gauge("circuits", said, ("state",), states)

    def _queues(self) -> list[Gauge]:
        depths = self.queues.depths()
        ages = self.queues.ages(depths)
        return [
            Gauge("queue_messages", "Messages in queues.", ("queue", "state"), depths),
            Gauge(
                "oldest_message_age_seconds",
                "Age of the oldest message of each queue, where known.",
                ("queue",),
                {(name,): age for name, age in ages.items() if age is not None},
            ),
        ]
