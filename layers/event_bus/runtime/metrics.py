"""Builds metrics and health checks."""

from functools import partial
from typing import TYPE_CHECKING

from event_bus import clients
from event_bus.runtime import registry_stores, stores
from event_bus.runtime.threads import threads
from event_bus.settings import settings

if TYPE_CHECKING:
    from event_bus.metrics.dead_letter_events import DeadLetterEvents
    from event_bus.metrics.gauges import Gauges
    from event_bus.metrics.health import Health
    from event_bus.metrics.level_observer import LevelObserver
    from event_bus.metrics.observer import Observer

_LAG_SECONDS = 60
"""The delay of the router from which on a person should check it, as in its alarm."""

_WORKERS = 8


def observer() -> "Observer":
    """Makes the `Observer`, which counts deliveries and events from the table stream."""
    from event_bus.metrics.observer import Observer

    return Observer(stores.metrics(), settings().subscription_metrics)


def level_observer() -> "LevelObserver":
    """Makes the `LevelObserver`, which counts waiting deliveries and held events."""
    from event_bus.metrics.level_observer import LevelObserver

    return LevelObserver(stores.levels(settings().retention_days))


def dead_letter_events() -> "DeadLetterEvents":
    """Makes the `DeadLetterEvents`, which publishes events about new dead letters."""
    from event_bus.metrics.dead_letter_events import DeadLetterEvents

    return DeadLetterEvents(stores.events(payloads=False), settings().retention_days)


def gauges() -> "Gauges":
    """Makes the `Gauges`, which reads the gauges."""
    from event_bus.metrics.gauges import Gauges
    from event_bus.metrics.queues import QueueReader

    executor = threads(_WORKERS)
    return Gauges(
        routing_rules=registry_stores.subscriptions().routing_rules,
        queues=QueueReader(settings().queue_urls, clients.sqs(), clients.cloudwatch(), executor),
        circuits=stores.circuits(),
        replays=stores.replays(),
        events=stores.events(payloads=False),
        routings=stores.routings(),
        due=stores.due_deliveries(),
        executor=executor,
    )


def health() -> "Health":
    """Makes the `Health`, which checks the services on which the bus depends, by area."""
    from event_bus.metrics.health import (
        Health,
        count_check,
        database_check,
        queue_check,
        seconds_check,
    )
    from event_bus.metrics.lag import oldest_due, router_lag
    from event_bus.metrics.queues import QueueReader
    from event_bus.recovery.backlogs import Backlogs

    own, sqs, executor = settings(), clients.sqs(), threads(_WORKERS)
    events = stores.events(payloads=False)
    lanes = QueueReader(own.lane_urls, sqs, clients.cloudwatch(), executor)
    lag = partial(router_lag, events, stores.routings(), executor)
    due = partial(oldest_due, stores.due_deliveries(), executor)
    backlogs = Backlogs(stores.levels(), stores.replays())
    subscriptions = registry_stores.subscriptions()

    def held() -> int:
        return sum(each.events for each in backlogs.all(subscriptions).values())

    return Health(
        {
            "database": {"events-table": database_check(events.probe)},
            "broker": {
                **{
                    f"{protocol}-lane": queue_check(sqs, url)
                    for protocol, url in sorted(own.lane_urls.items())
                },
                "unroutable-events": queue_check(
                    sqs,
                    own.unroutable_queue_url,
                    "events could not be routed, and are retried",
                ),
                "unroutable-redrive": queue_check(
                    sqs,
                    own.unroutable_redrive_url,
                    "events could not be routed after several attempts, and wait for a person",
                ),
                "replays": queue_check(sqs, own.replay_queue_url),
                "router-lag": seconds_check(lag, _LAG_SECONDS),
                "oldest-delivery": seconds_check(lanes.oldest),
                "oldest-due-delivery": seconds_check(due),
                "held-events": count_check(held, "events"),
            },
        }
    )
