"""Builds the components for dead letters and replays."""

from typing import TYPE_CHECKING

from event_bus.runtime import registry_stores, stores
from event_bus.runtime.queues import lanes, replay_queue
from event_bus.runtime.threads import threads

if TYPE_CHECKING:
    from event_bus.recovery.dead_letters import DeadLetters
    from event_bus.recovery.replay_runner import ReplayRunner
    from event_bus.recovery.replays import Replays

_WORKERS = 8


def dead_letters() -> "DeadLetters":
    """Makes the `DeadLetters`, which finds, retries and discards dead letters."""
    from event_bus.recovery.dead_letters import DeadLetters

    return DeadLetters(
        stores.dead_letters(),
        stores.deliveries(),
        lanes(threads(_WORKERS)),
        registry_stores.subscriptions(),
    )


def replays() -> "Replays":
    """Makes the `Replays`, which starts and cancels replays."""
    from event_bus.recovery.replays import Replays
    from event_bus.runtime.querying import event_finder

    finder = event_finder()
    return Replays(
        store=stores.replays(writes=True),
        queue=replay_queue(),
        subscription=registry_stores.subscriptions().get,
        event=lambda event_id, caller: finder.get(event_id, caller).event,
    )


def replay_runner() -> "ReplayRunner":
    """Makes the `ReplayRunner`, which continues replays, a page at a time."""
    from event_bus.recovery.backlog_runner import BacklogRunner
    from event_bus.recovery.catch_up import CatchUpRunner
    from event_bus.recovery.replay_runner import ReplayRunner
    from event_bus.recovery.replay_steps import ReplaySteps
    from event_bus.runtime.routing import registry_view

    replays, subscriptions = stores.replays(writes=True), registry_stores.subscriptions()
    events, deliveries = stores.events(), stores.deliveries(writes=True)
    sending, executor = lanes(threads(_WORKERS)), threads(_WORKERS)
    steps = ReplaySteps(replays, replay_queue())
    backlogs = BacklogRunner(
        replays=replays,
        subscriptions=subscriptions,
        events=events,
        routings=stores.routings(),
        deliveries=deliveries,
        lanes=sending,
        steps=steps,
        executor=executor,
    )
    catch_ups = CatchUpRunner(
        replays=replays,
        subscriptions=subscriptions,
        streams=stores.streams(),
        events=events,
        deliveries=deliveries,
        lanes=sending,
        steps=steps,
    )
    return ReplayRunner(
        replays=replays,
        view=registry_view(),
        events=events,
        deliveries=deliveries,
        lanes=sending,
        steps=steps,
        executor=executor,
        backlogs=backlogs,
        catch_ups=catch_ups,
    )
