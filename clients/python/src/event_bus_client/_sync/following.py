"""Follows an inbox over a WebSocket: connects, and connects again after failures."""

import logging
import time
from collections.abc import Generator, Callable, Iterable

from time import sleep

from event_bus_client._sync.transport import Transport
from event_bus_client.conversation import Conversation, Message, with_payload
from event_bus_client.errors import ConnectionFailed, EventBusError, ServerError, TooManyRequests
from event_bus_client.models import Received
from event_bus_client.sockets import Connection

logger = logging.getLogger("event_bus_client")

_CHECK_SECONDS = 0.5
"""How long to wait for a message before looking whether to stop."""


class Following:
    """Sends and receives the messages of a conversation, over one connection after another."""

    def __init__(
        self,
        transport: Transport,
        subscription_id: str,
        cursor: str | None,
        stopped: Callable[[], bool],
    ) -> None:
        """Opens no connection yet.

        Args:
            transport: Opens connections.
            subscription_id: The subscription, of the type `websocket`.
            cursor: The place after which to begin; None for the last acknowledged one.
            stopped: Whether to end after the current event.
        """
        self._transport = transport
        self._conversation = Conversation(subscription_id, cursor)
        self._stopped = stopped

    def events(self) -> Generator[Received, None, None]:
        """Yields events until it is stopped.

        Raises:
            Problem: The bus refuses.
        """
        while not self._stopped():
            try:
                socket = self._transport.connect()
            except (ConnectionFailed, ServerError, TooManyRequests) as failure:
                self._pause(failure)
                continue
            try:
                for received in self._connected(socket):
                    yield received
                    _send(socket, self._conversation.handled(received, time.monotonic()))
            except (ConnectionFailed, ServerError, TooManyRequests) as failure:
                self._pause(failure)
            finally:
                self._leave(socket)

    def _connected(self, socket: Connection) -> Generator[Received, None, None]:
        """Yields the events of one connection."""
        socket.send(self._conversation.connected(time.monotonic()))
        while not self._stopped():
            message = socket.receive(_CHECK_SECONDS)
            if message is None:
                _send(socket, self._conversation.idle(time.monotonic()))
                continue
            for received in self._conversation.received(message, time.monotonic()):
                if self._stopped():
                    return
                yield self._complete(received)

    def _complete(self, received: Received) -> Received:
        call = self._conversation.read_payload(received)
        if call is None:
            return received
        return with_payload(received, self._transport.send(call))

    def _leave(self, socket: Connection) -> None:
        try:
            try:
                _send(socket, self._conversation.unacknowledged(time.monotonic()))
            finally:
                socket.close()
        except EventBusError as failure:
            # The next connection acknowledges the handled events.
            logger.info("a WebSocket has ended: %s", failure)

    def _pause(self, failure: EventBusError) -> None:
        """Waits before the next connection, until it is stopped."""
        until = time.monotonic() + self._conversation.pause(failure)
        while not self._stopped() and (left := until - time.monotonic()) > 0:
            sleep(min(left, _CHECK_SECONDS))


def _send(socket: Connection, messages: Iterable[Message]) -> None:
    for each in messages:
        socket.send(each)
