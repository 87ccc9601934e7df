"""Bringing a new subscription the events of the streams that it follows."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.model.event import Event
from event_bus.model.followed_streams import FollowedStreams
from event_bus.model.pauses import look_again_at
from event_bus.model.replay import Replay, new_replay
from event_bus.model.stream_name import StreamName
from event_bus.model.stream_version import MAX_VERSION
from event_bus.model.subscription import Subscription
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message, owed_message
from event_bus.queues.recorded_sending import send_recorded
from event_bus.recovery.replay_steps import ReplaySteps
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.stores.replays import ReplayStore
from event_bus.stores.streams import ListedStream, StreamStore, ranges_of
from event_bus.stores.subscriptions import SubscriptionStore

_PAGE = 25

_LATE_INDEX_SECONDS = 300
"""The longest delay of the index of streams, in seconds."""

_SECOND_LOOK_SECONDS = 60
"""How long after the registration the second look begins: routers know the subscription by then."""

_SECOND_LOOK = "\n"
"""Precedes the position of the second look; no id of a stream contains it."""


def catch_up_of(subscription: Subscription) -> Replay:
    """Makes the replay that starts the delivery of the streams that a subscription follows."""
    begin = subscription.created_at
    return replace(
        new_replay(subscription.service_id, begin, begin),
        subscription_id=subscription.id,
        source=subscription.stream.source if subscription.stream else None,
        catches_up=True,
    )


@dataclass(frozen=True, slots=True)
class CatchUpRunner:
    """Sends a message for each stream that a new subscription follows.

    The message names the last event of the stream. The lane delivers a stream in order from the
    first version that the subscription is owed, so one message delivers the whole stream. If the
    next event of the stream is routed first, its message starts the delivery.

    The index of streams is updated late. So a second look, when every router knows the
    subscription, finds the streams that were too new for the first look.

    Attributes:
        replays: The replays.
        subscriptions: The subscriptions.
        streams: The streams.
        events: The events.
        deliveries: Where a delivery is recorded whose message is refused.
        lanes: Where messages are sent.
        steps: Ends each step: stores the position, and sends the message for the next step.
    """

    replays: ReplayStore
    subscriptions: SubscriptionStore
    streams: StreamStore
    events: EventStore
    deliveries: DeliveryStore
    lanes: Lanes
    steps: ReplaySteps

    def step(self, replay: Replay) -> None:
        """Sends the messages for the next page of streams. A crash may repeat a page."""
        subscription = self.subscriptions.get(replay.subscription_id or "")
        if subscription is None or not subscription.stream or subscription.status == "disabled":
            completed = replace(replay, state="completed", updated_at=times.now())
            self.steps.store(replay, completed)
            return
        if subscription.status == "paused":
            # The resume continues it.
            wait = look_again_at(subscription) - times.unix()
            self.replays.move(replay, replace(replay, updated_at=times.now()), wait)
            return
        page = list(self._page(replay, subscription.stream))
        second = replay.position.startswith(_SECOND_LOOK)
        new_since = times.at(times.seconds(subscription.created_at) - _LATE_INDEX_SECONDS)
        begun = [each for each in page if not second or each.first.created_at > new_since]
        messages = self._messages(begun, subscription)
        refused = send_recorded(self.lanes, self.deliveries, messages)
        after = replace(
            replay,
            examined=replay.examined + len(page),
            sent=replay.sent + len(messages) - len(refused),
            unroutable=replay.unroutable + len(refused),
            updated_at=times.now(),
        )
        pause = math.ceil(len(messages) / replay.rate)
        if len(page) == _PAGE:
            position = page[-1].name.stream_id
            after = replace(after, position=f"{_SECOND_LOOK if second else ''}{position}")
        elif second or subscription.stream.single:
            after = replace(after, state="completed")
        else:
            after = replace(after, position=_SECOND_LOOK)
            known = times.seconds(replay.created_at) + _SECOND_LOOK_SECONDS
            pause = max(pause, math.ceil(known - times.unix()))
        self.steps.store(replay, after, pause)

    def _page(self, replay: Replay, followed: FollowedStreams) -> Iterator[ListedStream]:
        if stream := followed.single:
            last = self.streams.between(stream, 1, MAX_VERSION, 1, newest_first=True)
            yield from (ListedStream(stream, each) for each in last)
            return
        after = replay.position.removeprefix(_SECOND_LOOK) or None
        left = _PAGE
        for first, last_id in ranges_of(followed.category or ""):
            found = self.streams.listed(followed.source, first, last_id, after, left)
            left -= len(found)
            yield from found
            if not left:
                return

    def _messages(self, page: Sequence[ListedStream], subscription: Subscription) -> list[Message]:
        """Returns a message for each stream, about its last event."""
        last = [
            (each.name, entry)
            for each in page
            for entry in self.streams.between(each.name, 1, MAX_VERSION, 1, newest_first=True)
        ]
        # If even the last event of a stream has expired, there is nothing to deliver.
        found, unreadable = self.events.readable(entry.event_id for _, entry in last)
        events = [event for _, entry in last if (event := entry.event_in(found))]
        for name, entry in last:
            if entry.event_id in unreadable and (event := self._before(name, entry.version)):
                events.append(event)
        return [owed_message(event, subscription) for event in events]

    def _before(self, stream: StreamName, version: int) -> Event | None:
        """Returns the last readable event before a version, among the next few."""
        entries = self.streams.between(stream, 1, version - 1, _PAGE, newest_first=True)
        found, _ = self.events.readable(each.event_id for each in entries)
        return next((event for each in entries if (event := each.event_in(found))), None)
