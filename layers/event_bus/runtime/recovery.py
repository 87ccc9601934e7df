"""Builds the components for dead letters and replays."""

from typing import TYPE_CHECKING, Any

from event_bus.runtime import stores
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
        stores.dead_letters(), stores.deliveries(), lanes(threads(_WORKERS)), stores.subscriptions()
    )


def replays() -> "Replays":
    """Makes the `Replays`, which starts and cancels replays."""
    from event_bus.recovery.replays import Replays
    from event_bus.runtime.querying import event_finder

    finder = event_finder()
    return Replays(
        store=stores.replays(writes=True),
        queue=replay_queue(),
        subscription=stores.subscriptions().get,
        event=lambda event_id, caller: finder.get(event_id, caller).event,
    )


def replay_runner() -> "ReplayRunner":
    """Makes the `ReplayRunner`, which continues replays, a page at a time."""
    from event_bus.recovery.backlog_runner import BacklogRunner
    from event_bus.recovery.catch_up import CatchUpRunner
    from event_bus.recovery.replay_runner import ReplayRunner
    from event_bus.recovery.replay_steps import ReplaySteps
    from event_bus.runtime.routing import registry_view

    replays = stores.replays(writes=True)
    parts: dict[str, Any] = {
        "replays": replays,
        "events": stores.events(),
        "deliveries": stores.deliveries(writes=True),
        "lanes": lanes(threads(_WORKERS)),
        "steps": ReplaySteps(replays, replay_queue()),
        "executor": threads(_WORKERS),
    }
    backlogs = BacklogRunner(
        **parts, subscriptions=stores.subscriptions(), routings=stores.routings()
    )
    catch_ups = CatchUpRunner(
        **{name: part for name, part in parts.items() if name != "executor"},
        subscriptions=stores.subscriptions(),
        streams=stores.streams(),
    )
    return ReplayRunner(**parts, view=registry_view(), backlogs=backlogs, catch_ups=catch_ups)
