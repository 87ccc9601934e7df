"""The backlogs of subscriptions that are paused, or were resumed from their backlog.

A backlog is stored nowhere as a whole: the routing records name the pause that held an event
(`stores/routings.py`), and how many events each pause held is counted (`stores/levels.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.model.replay import Replay, new_replay
from event_bus.model.subscription import Subscription
from event_bus.stores.levels import HELD, LevelStore, held
from event_bus.stores.replays import ReplayStore
from event_bus.stores.subscriptions import SubscriptionStore

START_SECONDS = 15
"""How long after the resume the backlog begins: the indexes are up to date by then, and every lane
knows that the subscription is not paused any more."""

MAX_BACKLOGS = 1_000
"""The largest number of pauses whose backlogs are counted together."""


def backlog_of(subscription: Subscription) -> Replay:
    """Makes the replay that delivers what a subscription has matched since its pause."""
    now = times.now()
    replay = new_replay(subscription.service_id, subscription.paused_at or now, now)
    return replace(replay, subscription_id=subscription.id, until=now, pause=subscription.pauses)


@dataclass(frozen=True, slots=True)
class Backlog:
    """The events that a subscription matched during a pause, and that were not sent yet.

    Attributes:
        events: How many events, as far as they are counted: up to a minute late.
        replay_id: The replay that brings them, once the subscription was resumed.
    """

    events: int
    replay_id: str | None


@dataclass(frozen=True, slots=True)
class Backlogs:
    """Reads backlogs. A subscription that was never paused costs no read.

    Attributes:
        levels: How much each pause has held.
        replays: The replays that bring backlogs.
    """

    levels: LevelStore
    replays: ReplayStore

    def of(self, subscriptions: Iterable[Subscription]) -> dict[str, Backlog]:
        """Returns the backlogs of those of these subscriptions that have one, by subscription."""
        running = {each.id: (each, self._running(each)) for each in subscriptions if each.pauses}
        wanted = {each: _pauses(*running[each]) for each in running}
        names = [held(each, pause) for each, pauses in wanted.items() for pause in pauses]
        levels = self.levels.read(names) if names else {}
        return {
            each: _backlog(sum(levels[held(each, pause)] for pause in pauses), running[each][1])
            for each, pauses in wanted.items()
            if pauses
        }

    def all(self, subscriptions: SubscriptionStore) -> dict[str, Backlog]:
        """Returns every backlog, by subscription; of at most `MAX_BACKLOGS` pauses."""
        levels = self.levels.beginning_with(HELD, MAX_BACKLOGS)
        ids = {name.removeprefix(HELD).rpartition("#")[0] for name in levels}
        return self.of(subscriptions.get_many(ids).values()) if ids else {}

    def _running(self, subscription: Subscription) -> Replay | None:
        replay_id = subscription.backlog_replay_id
        replay = self.replays.get(replay_id) if replay_id else None
        return replay if replay and replay.state == "running" else None


def _pauses(subscription: Subscription, running: Replay | None) -> set[int]:
    """Returns the pauses whose events wait."""
    pauses = {running.pause} if running else set()
    return pauses | {subscription.pauses} if subscription.status == "paused" else pauses


def _backlog(events: int, running: Replay | None) -> Backlog:
    if running is None:
        return Backlog(events, None)
    return Backlog(max(0, events - running.sent), running.id)
