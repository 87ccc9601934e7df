"""Receives by pulling: takes events under a lease, and acknowledges those that were handled."""

import logging
import time
from collections.abc import AsyncIterator

from anyio import sleep

from event_bus_client._async.transport import AsyncTransport
from event_bus_client.calls import Call, path
from event_bus_client.errors import Conflict, ConnectionFailed, ServerError, TooManyRequests
from event_bus_client.models import Received

logger = logging.getLogger("event_bus_client")

_PAUSE_SECONDS = 1.0
"""How long to wait before the next pull where another consumer has the lease, or the bus fails."""


class AsyncInbox:
    """The inbox of one subscription.

    Example:
        ```python
        async for received in bus.inbox("sub_01K...").receive():
            await handle(received.event)
        ```

    An event counts as handled when the loop asks for the next one. Breaking out of the loop, or an
    exception in it, leaves the event at hand unacknowledged: it comes again when its lease ends.
    """

    def __init__(self, transport: AsyncTransport, subscription_id: str) -> None:
        """Uses a transport.

        Args:
            transport: Sends the requests.
            subscription_id: The subscription, of the type `pull`, `sse` or `websocket`.
        """
        self._transport = transport
        self._id = subscription_id
        self._stopped = False

    def stop(self) -> None:
        """Ends `receive` after the event at hand, from another task or a signal handler."""
        self._stopped = True

    async def receive(
        self,
        *,
        limit: int = 10,
        wait_seconds: int = 20,
        lease_seconds: int = 60,
        until_empty: bool = False,
    ) -> AsyncIterator[Received]:
        """Yields events, at least once each, in the order of the inbox.

        Failures of the network and of the bus are waited out; refusals are raised.

        Args:
            limit: How many events are leased together, 1 to 100.
            wait_seconds: How long the bus waits for events, 0 to 20.
            lease_seconds: How long the events of one pull may take to handle, 1 to 900. Those that
                are not begun by then come again.
            until_empty: Whether to end when the inbox is empty.

        Raises:
            Problem: The bus refuses, such as NotFound for a subscription that is gone.
        """
        query = {"limit": limit, "wait": wait_seconds, "lease": lease_seconds}
        call = Call(
            "GET",
            path("/subscriptions/{}/events", self._id),
            query=query,
            timeout=wait_seconds + 15,
        )
        while not self._stopped:
            try:
                answer = await self._transport.send(call)
            except (Conflict, TooManyRequests, ServerError, ConnectionFailed) as failure:
                logger.info("pull of %s failed: %s", self._id, failure)
                await sleep(getattr(failure, "retry_after", None) or _PAUSE_SECONDS)
                continue
            items = [Received.model_validate(each) for each in answer["items"]]
            ends = time.monotonic() + lease_seconds
            handled: str | None = None
            try:
                for received in items:
                    # After the end of the lease another consumer may have what is left.
                    if self._stopped or time.monotonic() >= ends:
                        break
                    yield received
                    handled = received.cursor
            finally:
                if handled is not None:
                    await self._acknowledge(answer["lease"], handled)
            if until_empty and not items:
                return

    async def _acknowledge(self, lease: str, cursor: str) -> None:
        body = {"lease": lease, "cursor": cursor}
        try:
            await self._transport.send(
                Call("POST", path("/subscriptions/{}/ack", self._id), body=body)
            )
        except (Conflict, ServerError, ConnectionFailed, TooManyRequests) as failure:
            # The events come again, as at-least-once delivery allows.
            logger.warning("events of %s were not acknowledged: %s", self._id, failure)
