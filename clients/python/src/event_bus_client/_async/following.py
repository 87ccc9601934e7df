"""Follows an inbox over a WebSocket: connects, acknowledges, and continues after failures."""

import logging
import random
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from anyio import sleep

from event_bus_client._async.transport import AsyncTransport
from event_bus_client.calls import Call, path
from event_bus_client.errors import (
    ConnectionFailed,
    EventBusError,
    NotFound,
    ServerError,
    TooManyRequests,
    problem,
)
from event_bus_client.models import Received
from event_bus_client.sockets import AsyncSocket

logger = logging.getLogger("event_bus_client")

_TURN_SECONDS = 0.5
"""How long to wait for a message before looking whether to stop."""

_IDLE_SECONDS = 240.0
"""After how long without a message to ping: API Gateway ends a connection after ten minutes."""

_ANSWER_SECONDS = 20.0
"""How long the bus may take to answer."""

_MOST_UNACKNOWLEDGED = 25
_ACKNOWLEDGE_SECONDS = 1.0
_LONGEST_PAUSE = 30.0
_SUBSCRIBE = "subscribe"


class AsyncFollowing:
    """One consumer of an inbox, over as many connections as it takes."""

    def __init__(
        self,
        transport: AsyncTransport,
        subscription_id: str,
        cursor: str | None,
        stopped: Callable[[], bool],
    ) -> None:
        """Opens no connection yet.

        Args:
            transport: Knows the bus.
            subscription_id: The subscription, of the type `websocket`.
            cursor: The place after which to begin; None for the last acknowledged one.
            stopped: Whether to end after the current event.
        """
        self._transport = transport
        self._id = subscription_id
        self._place = cursor
        self._stopped = stopped
        self._unacknowledged = 0
        self._acknowledged_at = 0.0
        self._failures = 0

    async def events(self) -> AsyncGenerator[Received, None]:
        """Yields events until it is stopped.

        Raises:
            Problem: The bus refuses.
        """
        while not self._stopped():
            try:
                socket = await AsyncSocket.connect(self._transport.config)
            except (ConnectionFailed, ServerError, TooManyRequests) as failure:
                await self._pause(failure)
                continue
            try:
                async for received in self._connected(socket):
                    yield received
                    self._handled(received)
                    await self._acknowledge(socket)
            except (ConnectionFailed, ServerError, TooManyRequests) as failure:
                await self._pause(failure)
            finally:
                await self._leave(socket)

    async def _connected(self, socket: AsyncSocket) -> AsyncGenerator[Received, None]:
        """Yields the events of one connection."""
        asked = {"action": "subscribe", "subscription_id": self._id, "ref": _SUBSCRIBE}
        await socket.send(asked if self._place is None else {**asked, "cursor": self._place})
        due = time.monotonic() + _ANSWER_SECONDS
        ping_at = time.monotonic() + _IDLE_SECONDS
        while not self._stopped():
            message = await socket.receive(_TURN_SECONDS)
            now = time.monotonic()
            if message is None:
                await self._acknowledge(socket, idle=True)
                if now >= due:
                    raise ConnectionFailed("The bus does not answer on the WebSocket.")
                if now >= ping_at:
                    await socket.send({"action": "ping"})
                    ping_at, due = now + _IDLE_SECONDS, now + _ANSWER_SECONDS
                continue
            ping_at, due = now + _IDLE_SECONDS, float("inf")
            self._failures = 0
            for received in self._items(message):
                if self._stopped():
                    return
                yield await self._complete(received)

    def _items(self, message: dict[str, Any]) -> list[Received]:
        """The events of a message, without those that were handled already."""
        if message.get("type") == "error":
            self._refused(message)
        if message.get("type") == "subscribed" and self._place is None:
            self._place = message["cursor"]
        items = [Received.model_validate(each) for each in message.get("items", ())]
        return [each for each in items if int(each.cursor) > int(self._place or 0)]

    def _refused(self, message: dict[str, Any]) -> None:
        document = message.get("error", {})
        refusal = problem(int(document.get("status", 500)), document)
        if message.get("ref") == _SUBSCRIBE:
            raise refusal
        if isinstance(refusal, NotFound):
            raise ConnectionFailed("The bus has forgotten the connection.") from refusal
        logger.warning("the bus refused a message about %s: %s", self._id, refusal)

    async def _complete(self, received: Received) -> Received:
        """Reads payloads that are too large for a WebSocket."""
        if received.event.payload is not None or received.event.payload_base64 is not None:
            return received
        before = int(received.cursor) - 1
        answer = await self._transport.send(
            Call(
                "GET",
                path("/subscriptions/{}/events", self._id),
                query={"cursor": before, "limit": 1},
            )
        )
        found = [Received.model_validate(each) for each in answer["items"]]
        return next((each for each in found if each.cursor == received.cursor), received)

    def _handled(self, received: Received) -> None:
        self._place = received.cursor
        self._unacknowledged += 1

    async def _acknowledge(self, socket: AsyncSocket, *, idle: bool = False) -> None:
        """Acknowledges handled events, if there are enough of them or no further event comes."""
        now = time.monotonic()
        if not self._unacknowledged or not (
            idle
            or self._unacknowledged >= _MOST_UNACKNOWLEDGED
            or now - self._acknowledged_at >= _ACKNOWLEDGE_SECONDS
        ):
            return
        message = {"action": "ack", "subscription_id": self._id, "cursor": self._place}
        await socket.send(message)
        self._unacknowledged, self._acknowledged_at = 0, now

    async def _leave(self, socket: AsyncSocket) -> None:
        try:
            await self._acknowledge(socket, idle=True)
            await socket.aclose()
        except EventBusError as failure:
            # The next connection acknowledges the handled events.
            logger.info("the WebSocket of %s has ended: %s", self._id, failure)

    async def _pause(self, failure: EventBusError) -> None:
        """Waits before the next connection, longer each time, until it is stopped."""
        self._failures += 1
        longest = min(_LONGEST_PAUSE, 0.25 * 2.0 ** min(self._failures, 10))
        wait = getattr(failure, "retry_after", None) or longest * random.random()
        logger.info("following %s failed, and goes on in %.1f s: %s", self._id, wait, failure)
        until = time.monotonic() + wait
        while not self._stopped() and (left := until - time.monotonic()) > 0:
            await sleep(min(left, _TURN_SECONDS))
