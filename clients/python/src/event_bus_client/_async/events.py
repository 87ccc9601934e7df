"""Events that are stored."""

from datetime import datetime
from typing import Any

from event_bus_client._async.lists import AsyncListing
from event_bus_client._async.transport import AsyncTransport
from event_bus_client.calls import Call, creating, path
from event_bus_client.explanations import Match
from event_bus_client.models import StoredEvent


class AsyncEvents:
    """Reads stored events and their deliveries, and replays them."""

    def __init__(self, transport: AsyncTransport) -> None:
        """Uses a transport."""
        self._transport = transport

    async def get(self, event_id: str, *, schema_version: int | None = None) -> StoredEvent:
        """Reads one event with its deliveries.

        Args:
            event_id: The event.
            schema_version: The schema version to which payloads of older versions are converted.

        Raises:
            NotFound: There is no such event, or none that the key may see.
        """
        query = {"schema_version": schema_version}
        return await self._transport.read(
            Call("GET", path("/events/{}", event_id), query=query), StoredEvent.model_validate
        )

    def list(  # noqa: PLR0913 - the parameters of the list
        self,
        *,
        type: str | None = None,  # noqa: A002 - the parameter's name
        source: str | None = None,
        correlation_id: str | None = None,
        trace_id: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        processed: bool | None = None,
        order: str | None = None,
        schema_version: int | None = None,
        limit: int | None = None,
    ) -> AsyncListing[StoredEvent]:
        """Lists events, the newest first.

        Args:
            type: A type or a pattern, such as `order.*`.
            source: The service that published them.
            correlation_id: Their correlation id.
            trace_id: Their trace.
            since: The earliest timestamp.
            until: The end of the period; all timestamps are earlier.
            processed: Whether they were routed.
            order: `newest` or `oldest` first.
            schema_version: The schema version to which payloads of older versions are converted.
            limit: How many a page holds.
        """
        query = {
            "type": type,
            "source": source,
            "correlation_id": correlation_id,
            "trace_id": trace_id,
            "from": since,
            "to": until,
            "processed": processed,
            "order": order,
            "schema_version": schema_version,
            "limit": limit,
        }
        return AsyncListing(self._transport, "/events", query, StoredEvent.model_validate)

    async def trace(self, event_id: str) -> dict[str, Any]:
        """Reads the flow of an event: what led to it and followed from it, with deliveries."""
        answer: dict[str, Any] = await self._transport.send(
            Call("GET", path("/events/{}/trace", event_id))
        )
        return answer

    async def flow(
        self, *, correlation_id: str | None = None, trace_id: str | None = None
    ) -> dict[str, Any]:
        """Reads the events of a flow and their deliveries, by one of two ids.

        Args:
            correlation_id: The correlation id of the events.
            trace_id: Their trace.
        """
        query = {"correlation_id": correlation_id, "trace_id": trace_id}
        answer: dict[str, Any] = await self._transport.send(Call("GET", "/traces", query=query))
        return answer

    def explain(self, event_id: str, *, limit: int | None = None) -> AsyncListing[Match]:
        """Lists whether an event matched each subscription that the key may see, and why not.

        Args:
            event_id: The event.
            limit: How many a page holds.
        """
        route = path("/events/{}/matches", event_id)
        return AsyncListing(self._transport, route, {"limit": limit}, Match.model_validate)

    async def replay(self, event_id: str, *, subscription_id: str | None = None) -> dict[str, Any]:
        """Delivers an event again.

        Args:
            event_id: The event.
            subscription_id: The one subscription to deliver to; None is all that match.

        Returns:
            The replay.
        """
        body = {} if subscription_id is None else {"subscription_id": subscription_id}
        answer: dict[str, Any] = await self._transport.send(
            creating(path("/events/{}/replay", event_id), body)
        )
        return answer
