"""Running the replay of a backlog: the events that a pause held, for the resumed subscription."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.model.event import MAX_AHEAD_SECONDS, Event
from event_bus.model.pauses import look_again_at
from event_bus.model.replay import Replay, ReplayState
from event_bus.model.subscription import Subscription
from event_bus.model.transitions import LONGEST_DELAY_SECONDS
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import owed_message
from event_bus.queues.recorded_sending import send_recorded
from event_bus.recovery.replay_steps import ReplaySteps
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.event_items import ODD_SECONDS, is_odd
from event_bus.stores.events import EventStore
from event_bus.stores.listings import ListedEvent, all_events, all_odd_events, behind
from event_bus.stores.replays import ReplayStore
from event_bus.stores.routings import RoutingStore
from event_bus.stores.subscriptions import SubscriptionStore

_DEPTH = 25
"""The most entries of each partition that one step reads."""


@dataclass(frozen=True, slots=True)
class BacklogRunner:
    """Sends held events to their lane, and stores the progress.

    The routing records name the held events, so nothing is matched again. Each message makes the
    delivery that routing would have made.

    Attributes:
        replays: The replays.
        subscriptions: The subscriptions.
        events: The events.
        routings: The routing records, which name what a pause held.
        deliveries: Where a delivery is recorded whose message is refused.
        lanes: Where messages are sent.
        steps: Ends each step: stores the position, and sends the message for the next step.
        executor: Reads partitions in parallel.
    """

    replays: ReplayStore
    subscriptions: SubscriptionStore
    events: EventStore
    routings: RoutingStore
    deliveries: DeliveryStore
    lanes: Lanes
    steps: ReplaySteps
    executor: Executor

    def step(self, replay: Replay) -> None:
        """Continues the replay, unless its subscription is paused again or no longer owed it."""
        subscription = self.subscriptions.get(replay.subscription_id or "")
        if subscription is None or subscription.skipped_pauses >= replay.pause:
            self._move(replay, "cancelled")
        elif subscription.status == "paused":
            # The next resume continues it, or the sweeper if other pauses have followed.
            self._move(replay, "running", look_again_at(subscription) - times.unix())
        else:
            self._send_page(replay, subscription)

    def _send_page(self, replay: Replay, subscription: Subscription) -> None:
        """Sends the held events of the next page, and stores how far the replay has come."""
        if not replay.position:
            # All held events were stored before the resume, and so before this first step.
            replay_end = times.after(MAX_AHEAD_SECONDS)
            begin = times.at(times.seconds(replay.since) - ODD_SECONDS)
        else:
            replay_end, begin = replay.until, behind(replay.position)
        listing = all_events() + all_odd_events()
        listed = self.events.listed(listing, self.executor, newest_first=False)
        page = listed.page((begin, replay_end), _DEPTH)
        events, unreadable = self._held(page.entries, replay)
        messages = [
            owed_message(event, subscription, min(place // replay.rate, LONGEST_DELAY_SECONDS))
            for place, event in enumerate(events)
        ]
        refused = send_recorded(self.lanes, self.deliveries, messages)
        self.steps.end(
            replay,
            page,
            sent=len(messages) - len(refused),
            refused=len(refused),
            unroutable=len(unreadable) + len(refused),
            until=replay_end,
        )

    def _held(self, entries: Sequence[ListedEvent], replay: Replay) -> tuple[list[Event], set[str]]:
        """Returns the events that the pause holds, and the ids of those that cannot be read."""
        routings = self.routings.get_many(
            dict.fromkeys(entry.id for entry in entries), consistent=True
        )
        held = {
            event_id
            for event_id, routing in routings.items()
            if routing.held.get(replay.subscription_id or "") == replay.pause
        }
        found, unreadable = self.events.readable(entry.id for entry in entries if entry.id in held)
        events = [
            event
            for entry in entries
            if (event := found.get(entry.id)) and _is_its_entry(entry, event)
        ]
        return events, unreadable

    def _move(self, replay: Replay, state: ReplayState, wait: float = 0) -> None:
        self.replays.move(replay, replace(replay, state=state, updated_at=times.now()), wait)


def _is_its_entry(entry: ListedEvent, event: Event) -> bool:
    """Returns whether to send the event for this entry: events in both indexes are sent once."""
    return not is_odd(event) or entry.position != event.position
