"""Receives webhooks and other deliveries: verifies, deduplicates, and calls your functions."""

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from time import sleep

from event_bus_client.deduplication import MemoryStore, Seen, SeenStore
from event_bus_client.durations import checked
from event_bus_client.models import Event
from event_bus_client.receiving import (
    BUSY_SECONDS,
    Answer,
    Handlers,
    TryLater,
    call,
    as_json,
    shielded,
    delivery_id_of,
    failure_answer,
    opened,
    returned_answer,
)
from event_bus_client.tracing import continued_trace
from event_bus_client.webhooks import Webhook

logger = logging.getLogger("event_bus_client")

_LOOK_SECONDS = 0.02
"""How often `close` looks whether the running functions have ended."""


class Receiver:
    """Hands events to functions, each delivery once.

    A delivery counts as handled when its function has returned. After an exception, the bus
    delivers it again. A repeated delivery gets the first answer, without a call of the function.
    For a command, the result of the function is the reply.

    Example:
        ```python
        receiver = Receiver("whsec_...")


        @receiver.on("order.*")
        def handle(event):
            print(event.type, event.payload)
        ```

    Attributes:
        webhook: Verifies webhooks; None without a secret.
    """

    def __init__(
        self,
        secrets: str | Sequence[str] | None = None,
        *,
        store: SeenStore | None = None,
    ) -> None:
        """Makes a receiver without handlers.

        Args:
            secrets: The signing secret of the subscription; during its replacement the old one
                and the new one. A receiver that gets no webhooks needs none.
            store: Remembers deliveries. The default keeps them in this process; processes that
                share a subscription should share a store. Two subscriptions must not share one.

        Raises:
            SignatureError: A secret is not base64.
        """
        self.webhook = None if secrets is None else Webhook(secrets)
        self._store: SeenStore = MemoryStore() if store is None else store
        self._handlers = Handlers(coroutines=False)
        self.on = self._handlers.on
        self._lock = threading.Lock()
        self._running = 0
        self._closed = False

    def receive(self, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Handles an HTTP request of the bus.

        Args:
            method: Its method.
            headers: Its headers, in any case of letters.
            body: Its raw body, before any parsing.

        Raises:
            ConfigurationError: The receiver has no secret.
        """
        found = opened(self.webhook, method, headers, body)
        if isinstance(found, Answer):
            return found
        delivery_id, event = found
        try:
            return returned_answer(self._handle(event, delivery_id))
        except Exception as failure:
            return failure_answer(event, failure)

    def handle(self, event: Event, delivery_id: str | None = None) -> Any:
        """Calls the function for an event from a trusted place, such as a queue.

        Args:
            event: The event.
            delivery_id: Identifies the delivery when it is repeated; None for that of the event.

        Returns:
            The result of the function, as JSON; for a repeated delivery, the first result.

        Raises:
            TryLater: It is being handled now, or the receiver is closed.
            Exception: What the function raised. The delivery may come again.
        """
        answer = self._handle(event, delivery_id or delivery_id_of(event))
        return json.loads(answer) if answer else None

    def _handle(self, event: Event, key: str) -> str:
        with self._lock:
            if self._closed:
                raise TryLater("The receiver is closed.", BUSY_SECONDS)
            self._running += 1
        try:
            return self._once(event, key)
        finally:
            with self._lock:
                self._running -= 1

    def close(self, timeout: float = 10) -> bool:
        """Takes no more events, and waits for running functions.

        Args:
            timeout: How many seconds to wait at most; `math.inf` for no limit.

        Returns:
            Whether all functions have ended.
        """
        checked("timeout", timeout, zero=True, endless=True)
        with self._lock:
            self._closed = True
        until = time.monotonic() + timeout
        while self._running and time.monotonic() < until:
            sleep(_LOOK_SECONDS)
        return not self._running

    def _once(self, event: Event, key: str) -> str:
        """Calls the function, or returns its stored result."""
        found = self._handlers.find(event)
        if found is None:
            logger.info("no handler for event %s (%s)", event.id, event.type)
            return ""
        function, arguments = found
        state = call(self._store.begin, key)
        if state is Seen.DONE:
            return call(self._store.answer, key)
        if state is Seen.BUSY:
            raise TryLater("The event is being handled.", BUSY_SECONDS)
        try:
            with continued_trace(event.metadata):
                returned = as_json(call(function, *arguments))
        except BaseException:
            shielded(self._store.abandon, key)
            raise
        shielded(self._store.finish, key, returned)
        return returned
