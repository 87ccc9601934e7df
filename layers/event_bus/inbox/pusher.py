"""Pushes the content of inboxes to their WebSocket subscribers."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import orjson

from event_bus import times
from event_bus.access.live_keys import LiveKeys
from event_bus.batches import batches
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

_SENDING_SECONDS = 8.0
"""How much of that time is for sending; the rest is for a request that hangs."""

_PATIENCE_SECONDS = 5.0
_LOOK_SECONDS = 0.05


class PushUnderWay(Exception):
    """Another function is pushing to this WebSocket subscriber."""


class NotPushed(Exception):
    """Some WebSocket subscribers did not receive their events."""


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
        keys = [
            (key, place)
            for subscription_id, place in places.items()
            for key in self.socket_subscribers.of_subscription(subscription_id)
        ]
        failed = [each for each in self.executor.map(self._try, keys) if each]
        if failed:
            raise NotPushed(f"to {len(failed)} of {len(keys)} connections")

    def push(
        self,
        key: SocketSubscriberKey,
        end: int,
        holder: str | None = None,
        *,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        """Pushes new events to a WebSocket subscriber, as far as its window allows.

        Args:
            key: The WebSocket subscriber.
            end: The place up to which the inbox is filled.
            holder: The name under which the caller has taken the WebSocket subscriber; None if it
                has not.
            patience: How long to wait for another function that pushes to it, in seconds.

        Raises:
            PushUnderWay: Another function pushes to it, or crashed while it did.
        """
        holder = holder or new_id("psh")
        subscriber = self._take(key, holder, patience)
        try:
            if subscriber:
                self.require_good_key(key.connection_id, subscriber.api_key)
            while subscriber:
                subscriber = self._push_page(subscriber, end, holder)
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

    def _try(self, each: tuple[SocketSubscriberKey, int]) -> SocketSubscriberKey | None:
        key, end = each
        try:
            self.push(key, end)
        except Exception:
            logger.exception("not pushed", subscription_id=key.subscription_id)
            return key
        return None

    def _take(
        self, key: SocketSubscriberKey, holder: str, patience: float = _PATIENCE_SECONDS
    ) -> SocketSubscriber | None:
        end = self.clock() + patience
        while (subscriber := self.socket_subscribers.hold(key, holder, HOLD_SECONDS)) is None:
            if self.socket_subscribers.get(key) is None:
                return None
            if self.clock() >= end:
                raise PushUnderWay(key.connection_id)
            self.sleep(_LOOK_SECONDS)
        return subscriber

    def _push_page(
        self, subscriber: SocketSubscriber, end: int, holder: str
    ) -> SocketSubscriber | None:
        """Pushes one page; returns the subscriber for the next one, or None if there is none."""
        key, sent = subscriber.key, subscriber.sent
        room = WINDOW
        if subscriber.durable:
            room -= subscriber.unacknowledged
        cut_short = False
        if sent < end and room > 0:
            sent, cut_short = self._send(key, sent, room)
        # Events after `end` are left to a later push.
        closed = sent < end and room <= 0
        moved = sent > subscriber.sent
        after = self.socket_subscribers.release(key, holder, sent, waiting=closed)
        if after is None:
            # Another push took over, and may stop before the end of this one.
            return self._take(key, holder)
        if sent >= end:
            return None
        # An acknowledgement may have opened the window before `waiting` was stored, and so have
        # started no push.
        if moved or cut_short or after.acknowledged > subscriber.acknowledged:
            return self._take(key, holder)
        return None

    def _send(self, key: SocketSubscriberKey, sent: int, room: int) -> tuple[int, bool]:
        """Sends the events after a place, for a limited time.

        Returns:
            The last place that was sent, and whether the time ended first.
        """
        end = self.clock() + _SENDING_SECONDS
        fetched, position = self.reader.read(key.subscription_id, sent, room, 0)
        for batch in batches(
            map(_packed, fetched),
            lambda each: len(each[1]),
            most=WINDOW,
            most_bytes=MAX_MESSAGE_BYTES,
        ):
            if self.clock() > end:
                return sent, True
            self.connections.send(key.connection_id, _events(key.subscription_id, batch))
            sent = batch[-1][0]
        return position, False


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
