"""Receives from an inbox: by pulling, or over a WebSocket."""

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from anyio import sleep

from event_bus_client._async.following import AsyncFollowing
from event_bus_client._async.transport import AsyncTransport
from event_bus_client.calls import Call, path, pause_after
from event_bus_client.durations import checked
from event_bus_client.errors import Conflict, ConnectionFailed, ServerError, TooManyRequests
from event_bus_client.models import Received
from event_bus_client.renewing import AsyncRenewal

logger = logging.getLogger("event_bus_client")

_PAUSE_SECONDS = 1.0
"""The wait before the next pull, in seconds, if another consumer has the lease or the bus fails."""


class AsyncInbox:
    """The inbox of one subscription.

    Example:
        ```python
        async for received in bus.inbox("sub_01K...").receive():
            await handle(received.event)
        ```

    An event counts as handled when the loop asks for the next one. After a `break` or an exception,
    the current event is not acknowledged, and comes again when its lease ends.
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
        """Ends `receive` and `follow` after the current event.

        It may be called from another task or a signal handler. Handled events are acknowledged.
        """
        self._stopped = True

    async def follow(self, *, cursor: str | None = None) -> AsyncGenerator[Received, None]:
        """Yields events over a WebSocket, at least once each, in the order of the inbox.

        After a failure it connects again and continues after the last event, without repeating one.
        It sends acknowledgements together, at most a second late.

        Args:
            cursor: The place after which to begin; None for the last acknowledged one.

        Raises:
            Problem: The bus refuses, such as NotFound for a subscription that is gone.
            ConfigurationError: The WebSocket URL or the extra `websocket` is missing.
        """
        following = AsyncFollowing(self._transport, self._id, cursor, lambda: self._stopped)
        events = following.events()
        async with aclosing(events):
            async for received in events:
                yield received

    async def receive(
        self,
        *,
        limit: int = 10,
        wait_seconds: int = 20,
        lease_seconds: int = 60,
        renew_seconds: float = 3600,
        until_empty: bool = False,
    ) -> AsyncGenerator[Received, None]:
        """Yields events by pulling, at least once each, in the order of the inbox.

        It renews the lease while events are handled, and acknowledges the events of one pull
        together. After failures of the network or of the bus, and while another consumer has the
        lease, it tries again; it raises other refusals.

        Args:
            limit: How many events are leased together, 1 to 100.
            wait_seconds: How long the bus waits for events, 0 to 20.
            lease_seconds: After how long the events come again if this program dies, 1 to 900.
            renew_seconds: The longest time to handle the events of one pull, `math.inf` for no
                limit, and 0 to renew no lease. Events that were not yielded by then come again.
            until_empty: Whether to end when the inbox is empty.

        Raises:
            ConfigurationError: A duration is negative or not a number.
            Problem: The bus refuses, such as NotFound for a subscription that is gone, or Conflict
                for one without an inbox.
        """
        checked("wait_seconds", wait_seconds, zero=True)
        checked("renew_seconds", renew_seconds, zero=True, endless=True)
        query = {"limit": limit, "wait": wait_seconds, "lease": lease_seconds}
        call = Call(
            "GET",
            path("/subscriptions/{}/events", self._id),
            query=query,
            timeout=wait_seconds + 15,
        )
        while not self._stopped:
            asked_at = time.monotonic()
            try:
                lease, items = await self._transport.read(call, _leased_events)
            except (Conflict, TooManyRequests, ServerError, ConnectionFailed) as failure:
                # Only the lease of another consumer is a conflict that passes.
                if isinstance(failure, Conflict) and failure.retry_after is None:
                    raise
                logger.warning("pull of %s failed: %s", self._id, failure)
                await sleep(pause_after(failure, _PAUSE_SECONDS))
                continue
            if not items:
                if until_empty:
                    return
                # A bus that does not wait must not be asked again and again.
                await sleep(max(0.0, asked_at + _PAUSE_SECONDS - time.monotonic()))
                continue
            leased = self._leased(lease, items, lease_seconds, renew_seconds)
            async with aclosing(leased):
                async for received in leased:
                    yield received

    async def _leased(
        self, lease: str, items: list[Received], lease_seconds: int, renew_seconds: float
    ) -> AsyncGenerator[Received, None]:
        """Yields the events of one lease, renews the lease, and acknowledges at the end."""

        async def renew() -> None:
            body = {"lease": lease, "extend": lease_seconds}
            await self._transport.send(
                Call("POST", path("/subscriptions/{}/ack", self._id), body=body)
            )

        handled: str | None = None
        try:
            async with AsyncRenewal(renew, lease_seconds, renew_seconds) as renewal:
                for received in items:
                    # After the end of the lease, another consumer may have the remaining events.
                    if self._stopped or not renewal.holds:
                        break
                    yield received
                    handled = received.cursor
        finally:
            if handled is not None:
                await self._acknowledge(lease, handled)

    async def _acknowledge(self, lease: str, cursor: str) -> None:
        body = {"lease": lease, "cursor": cursor}
        try:
            await self._transport.send(
                Call("POST", path("/subscriptions/{}/ack", self._id), body=body)
            )
        except (Conflict, ServerError, ConnectionFailed, TooManyRequests) as failure:
            # The events come again, as at-least-once delivery allows.
            logger.warning("events of %s were not acknowledged: %s", self._id, failure)


def _leased_events(document: Any) -> tuple[str, list[Received]]:
    """Returns the lease of a pull and its events."""
    items = [Received.model_validate(each) for each in document["items"]]
    return str(document["lease"]), items
