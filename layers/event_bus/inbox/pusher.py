"""Pushes the content of inboxes to their WebSocket subscribers."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import orjson

from event_bus import times
from event_bus.access.live_keys import LiveKeys
from event_bus.batches import batches
from event_bus.errors import Unavailable
from event_bus.ids import new_id
from event_bus.inbox.connections import MAX_MESSAGE_BYTES, ConnectionGone, Connections
from event_bus.inbox.listeners import Listeners
from event_bus.inbox.reader import Fetched, InboxReader
from event_bus.log import logger
from event_bus.stores.socket_subscribers import (
    SocketSubscriber,
    SocketSubscriberKey,
    SocketSubscriberStore,
)

WINDOW = 100
"""The most unacknowledged events of a client."""

HOLD_SECONDS = 20
"""How long one push may take before another may begin, in seconds."""

PUSH_SECONDS = 6.0
"""How long a push sends, in seconds; the rest of `HOLD_SECONDS` is for a request that hangs."""

_TURN_SECONDS = 2.0
"""How long a push sends to a client whose next acknowledgement continues it, in seconds."""

BATCH_SECONDS = 30.0
"""How long pushes of one batch begin, in seconds. Lambda repeats a batch that is not finished."""

PATIENCE_SECONDS = 5.0
"""How long a push waits for another one, in seconds."""

_LOOK_SECONDS = 0.05


class PushUnderWay(Unavailable):
    """Another function is pushing to this WebSocket subscriber."""

    def __init__(self, key: SocketSubscriberKey) -> None:
        super().__init__(
            f"The bus is sending events of {key.subscription_id} at the moment; send this again."
        )


class PushUnfinished(Exception):
    """The time of a push ended, and no acknowledgement would continue it."""


class NotPushed(Exception):
    """Some WebSocket subscribers did not receive their events."""


@dataclass(frozen=True, slots=True)
class _Push:
    """One push to a WebSocket subscriber.

    Attributes:
        end: The place up to which the inbox is filled.
        holder: The name under which it takes the WebSocket subscriber.
        patience: How long it waits for another push to end, in seconds.
        begun: When it began to send, by the monotonic clock.
    """

    end: int
    holder: str
    patience: float
    begun: float


@dataclass(frozen=True, slots=True)
class Pusher:
    """Pushes events in order. Only one function at a time pushes to a WebSocket subscriber.

    Attributes:
        socket_subscribers: The WebSocket subscribers.
        reader: Reads inboxes.
        connections: Sends events.
        listeners: The subscriptions that end with their connection.
        live_keys: Checks whether keys are still valid.
        executor: Pushes to several WebSocket subscribers in parallel.
        clock: Monotonic clock, in seconds.
        sleep: Sleeps for a number of seconds.
    """

    socket_subscribers: SocketSubscriberStore
    reader: InboxReader
    connections: Connections
    listeners: Listeners
    live_keys: LiveKeys
    executor: Executor
    clock: Callable[[], float] = times.steady
    sleep: Callable[[float], None] = times.sleep

    def push_all(self, places: Mapping[str, int]) -> None:
        """Pushes to all WebSocket subscribers of these subscriptions.

        Args:
            places: By subscription, the place up to which its inbox is filled.

        Raises:
            NotPushed: Pushing to some of them failed.
        """
        until = self.clock() + BATCH_SECONDS
        connected = (
            [
                (key, place, until)
                for key in self.socket_subscribers.of_subscription(subscription_id)
            ]
            for subscription_id, place in places.items()
        )
        # In turn: an inbox with many connections must not hold up the others.
        keys = [each for turn in zip_longest(*connected) for each in turn if each]
        failed = [each for each in self.executor.map(self._try, keys) if each]
        if failed:
            raise NotPushed(f"to {len(failed)} of {len(keys)} connections")

    def push(
        self,
        key: SocketSubscriberKey,
        end: int,
        holder: str | None = None,
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """Pushes new events to a WebSocket subscriber, as far as its window and the time allow.

        Args:
            key: The WebSocket subscriber.
            end: The place up to which the inbox is filled.
            holder: The name under which the caller has taken the WebSocket subscriber; None if it
                has not.
            patience: How long to wait for another function that pushes to it, in seconds.

        Raises:
            PushUnderWay: Another function pushes to it, or crashed while it did.
            PushUnfinished: The time is over, and nothing else continues the push.
        """
        holder = holder or new_id("psh")
        subscriber = self._take(key, holder, patience)
        push = _Push(end, holder, patience, begun=self.clock())
        try:
            while subscriber:
                self.require_good_key(key.connection_id, subscriber.api_key)
                subscriber = self._push_page(subscriber, push)
        except ConnectionGone:
            self.lose(key)

    def leave(self, key: SocketSubscriberKey) -> None:
        """Removes a WebSocket subscriber, once a push to it has ended.

        Raises:
            PushUnderWay: Another function pushes to it, or crashed while it did.
        """
        if self._take(key, new_id("psh")):
            self.lose(key)

    def require_good_key(self, connection_id: str, key_id: str | None) -> None:
        """Ends a connection whose key is no longer valid.

        Raises:
            ConnectionGone: It was ended.
        """
        if not self.live_keys.good(key_id):
            self.connections.close(connection_id)
            raise ConnectionGone(connection_id)

    def lose(self, key: SocketSubscriberKey) -> None:
        """Removes a WebSocket subscriber, and the subscription that existed only for it."""
        self.socket_subscribers.remove(key)
        self.listeners.end(key.subscription_id)
        logger.info("WebSocket subscriber gone", subscription_id=key.subscription_id)

    def _try(self, each: tuple[SocketSubscriberKey, int, float]) -> SocketSubscriberKey | None:
        key, end, until = each
        if self.clock() > until:
            return key
        try:
            self.push(key, end)
        except Exception:
            logger.exception("not pushed", subscription_id=key.subscription_id)
            return key
        return None

    def _take(
        self, key: SocketSubscriberKey, holder: str, patience: float = PATIENCE_SECONDS
    ) -> SocketSubscriber | None:
        end = self.clock() + patience
        while (subscriber := self.socket_subscribers.hold(key, holder, HOLD_SECONDS)) is None:
            if self.socket_subscribers.get(key) is None:
                return None
            if self.clock() >= end:
                raise PushUnderWay(key)
            self.sleep(_LOOK_SECONDS)
        return subscriber

    def _push_page(self, subscriber: SocketSubscriber, push: _Push) -> SocketSubscriber | None:
        """Pushes one page; returns the subscriber for the next one, or None if there is none."""
        key, sent = subscriber.key, subscriber.sent
        room = WINDOW
        if subscriber.durable:
            room -= subscriber.unacknowledged
        if sent < push.end and room > 0:
            sent = self._send(key, sent, room, push.begun + PUSH_SECONDS)
        spent = self.clock() - push.begun
        # Events after `end` are left to a later push.
        waiting = sent < push.end and (room <= 0 or spent > _TURN_SECONDS)
        after = self.socket_subscribers.release(key, push.holder, sent, waiting=waiting)
        if after is None:
            # Another push took over, and may stop before the end of this one.
            return self._take(key, push.holder, push.patience)
        if sent >= push.end:
            return None
        if spent > _TURN_SECONDS and after.durable and after.acknowledged != sent:
            # The next acknowledgement finds `waiting`. A client that has acknowledged what was not
            # sent yet gets the rest by its next ping or event.
            return None
        if spent > PUSH_SECONDS:
            raise PushUnfinished(key)
        # An acknowledgement may have opened the window before `waiting` was stored, and so have
        # started no push.
        if sent > subscriber.sent or after.acknowledged > subscriber.acknowledged:
            return self._take(key, push.holder, push.patience)
        return None

    def _send(self, key: SocketSubscriberKey, sent: int, room: int, until: float) -> int:
        """Sends the events after a place until a time; returns the last place that was sent."""
        fetched, position = self.reader.read(key.subscription_id, sent, room, 0)
        for batch in batches(
            map(_packed, fetched),
            lambda each: len(each[1]),
            most=WINDOW,
            most_bytes=MAX_MESSAGE_BYTES,
        ):
            if self.clock() > until:
                return sent
            self.connections.send(key.connection_id, _events(key.subscription_id, batch))
            sent = batch[-1][0]
        return position


def _events(subscription_id: str, batch: Sequence[tuple[int, bytes]]) -> dict[str, Any]:
    return {
        "type": "events",
        "subscription_id": subscription_id,
        "items": [orjson.Fragment(text) for _, text in batch],
        "cursor": str(batch[-1][0]),
    }


def _packed(each: Fetched) -> tuple[int, bytes]:
    """Returns an event as the client receives it, and its place; a large one without payload."""
    text = orjson.dumps(each.document())
    if len(text) > MAX_MESSAGE_BYTES:
        text = orjson.dumps(each.without_payload().document())
    return each.position, text
