"""The client for asyncio."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Literal

import httpx
from pydantic import BaseModel

from event_bus_client import config as configuration
from event_bus_client._async.commands import AsyncCommands
from event_bus_client._async.contexts import AsyncContexts
from event_bus_client._async.events import AsyncEvents
from event_bus_client._async.inbox import AsyncInbox
from event_bus_client._async.listening import AsyncListening
from event_bus_client._async.lists import AsyncListing
from event_bus_client._async.monitoring import AsyncAuditLog, AsyncMetrics
from event_bus_client._async.resources import (
    AsyncDeadLetters,
    AsyncPublishers,
    AsyncReplays,
    AsyncSubscribers,
    AsyncSubscriptions,
)
from event_bus_client._async.schemas import AsyncEventTypes, AsyncSchemas
from event_bus_client._async.states import AsyncReadModels, AsyncReducers
from event_bus_client._async.streams import AsyncStreams
from event_bus_client._async.transport import AsyncTransport
from event_bus_client.calls import Call, RetryPolicy, creating, path, read
from event_bus_client.event_types import new_event
from event_bus_client.models import NewEvent, Receipt, Result, StreamToken, results_of
from event_bus_client.publishing import batches, prepared


class AsyncEventBus:
    """A bus.

    Example:
        ```python
        async with AsyncEventBus() as bus:
            await bus.publish("order.placed", {"total": 250})
        ```

    Attributes:
        events: Reads events back.
        publishers: The services that publish.
        subscribers: What services may receive.
        subscriptions: Subscriptions to events.
        dead_letters: Deliveries that failed.
        replays: Events that are delivered again.
        schemas: The schemas of event types.
        event_types: The event types of the bus.
        contexts: Data that enrichments add to events.
        streams: Event streams.
        reducers: The rules that compute the states of streams.
        read_models: Tables of the states of streams.
        commands: Sends commands, and waits for their replies.
        metrics: What was published, delivered and failed.
        audit_log: Who changed what.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        profile: str | None = None,
        ca_file: str | None = None,
        websocket_url: str | None = None,
        timeout: float = 30,
        retries: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Finds the bus; opens no connection yet.

        Args:
            url: The base URL of the API; by default from EVENT_BUS_URL or the profile.
            api_key: The key; by default from EVENT_BUS_API_KEY or the profile.
            profile: The name of a profile in the configuration file.
            ca_file: A file of certificates to trust instead of the system's.
            websocket_url: The URL for WebSockets, which `follow` needs; by default from
                EVENT_BUS_WEBSOCKET_URL or the profile.
            timeout: How long one attempt may take, in seconds; `math.inf` for no limit.
            retries: When a request is sent again.
            transport: Replaces the network, as tests do.

        Raises:
            ConfigurationError: There is no URL, the profile cannot be read, or the timeout is not
                valid.
        """
        self._transport = AsyncTransport(
            configuration.resolve(url, api_key, profile, ca_file, websocket_url),
            timeout=timeout,
            retries=retries or RetryPolicy(),
            transport=transport,
        )
        self.events = AsyncEvents(self._transport)
        self.publishers = AsyncPublishers(self._transport)
        self.subscribers = AsyncSubscribers(self._transport)
        self.subscriptions = AsyncSubscriptions(self._transport)
        self.dead_letters = AsyncDeadLetters(self._transport)
        self.replays = AsyncReplays(self._transport)
        self.schemas = AsyncSchemas(self._transport)
        self.event_types = AsyncEventTypes(self._transport)
        self.contexts = AsyncContexts(self._transport)
        self.streams = AsyncStreams(self._transport)
        self.reducers = AsyncReducers(self._transport)
        self.read_models = AsyncReadModels(self._transport)
        self.commands = AsyncCommands(self._transport)
        self.metrics = AsyncMetrics(self._transport)
        self.audit_log = AsyncAuditLog(self._transport)

    async def publish(  # noqa: PLR0913 - the members of an event
        self,
        what: str | BaseModel,
        payload: dict[str, Any] | bytes | None = None,
        *,
        content_type: str | None = None,
        id: str | None = None,  # noqa: A002 - the member's name
        source: str | None = None,
        timestamp: datetime | None = None,
        metadata: dict[str, Any] | None = None,
        sensitive: bool | list[str] | None = None,
        stream: dict[str, Any] | None = None,
    ) -> Receipt:
        """Publishes one event. When this returns, the event is stored.

        The client generates the event's id, so that its retries never publish it twice.

        Args:
            what: The event's type, or its payload as a model declared by `event_type`.
            payload: The payload, if `what` is a type: a JSON object, or bytes.
            content_type: The media type of bytes; None is `application/octet-stream`.
            id: The event's id; None for a generated one.
            source: The service that it is from; None is the key's own.
            timestamp: When it happened; None is now.
            metadata: Its metadata, such as `correlation_id` or `stream_id`.
            sensitive: JSON pointers of members that few may read, or True for the whole payload.
            stream: The stream that it is appended to: its `id`, and the `expected_version` if any.

        Raises:
            ValueError: The payload is not JSON, such as one with NaN.
            InvalidRequest: A member is wrong; `faults` says which.
            Forbidden: The service is not registered to publish this type.
            Conflict: An event with this id and other content is stored already.
            ConnectionFailed: No answer came after all retries. The event may be stored: to be able
                to publish it again without a duplicate, choose its `id`.
        """
        event = new_event(
            what,
            payload,
            content_type=content_type,
            id=id,
            source=source,
            timestamp=timestamp,
            metadata=metadata or {},
            sensitive=sensitive,
            stream=stream,
        )
        return await self._transport.read(
            Call("POST", "/events", body=prepared(event)), Receipt.model_validate
        )

    async def publish_batch(self, events: Iterable[NewEvent]) -> list[Result]:
        """Publishes many events, in as few requests as the limits of the bus allow.

        Args:
            events: The events.

        Returns:
            One result for each event, in their order: a receipt or a problem.

        Raises:
            Problem: A whole request was refused, such as Unauthenticated. The events of requests
                before it are stored.
            ConnectionFailed: No answer came after all retries. Events may be stored: to be able to
                publish them again without duplicates, choose their ids.
        """
        results: list[Result] = []
        for batch in batches([prepared(each) for each in events]):
            call = Call("POST", "/events", body=batch)
            results += await self._transport.read(call, partial(results_of, batch))
        return results

    def inbox(self, subscription_id: str) -> AsyncInbox:
        """Returns the inbox of a subscription of the type `pull`, `sse` or `websocket`."""
        return AsyncInbox(self._transport, subscription_id)

    def listen(
        self, *event_types: str, on_gap: Callable[[str], None] | None = None
    ) -> AsyncListening:
        """Yields events of some types from now on, without a subscription of your own.

        Use an inbox if no event may be missed. `stop()` ends the iteration.

        Args:
            event_types: Types or patterns, such as `order.*`.
            on_gap: Is called with the reason when events may have been missed, and when the bus
                cannot read one; without it a warning is logged.
        """
        return AsyncListening(self._transport, event_types, on_gap)

    async def stream_token(self, subscription_id: str | None = None) -> StreamToken:
        """Makes a token with which a browser receives events, so that it needs no API key.

        Args:
            subscription_id: The one subscription that it follows; None for a token that listens
                to event types.
        """
        call = (
            creating("/stream-tokens")
            if subscription_id is None
            else creating(path("/subscriptions/{}/stream-tokens", subscription_id))
        )
        return await self._transport.read(call, StreamToken.model_validate)

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> Any:
        """Calls an operation of the API for which this class has no method.

        Args:
            method: The HTTP method. A POST has an `Idempotency-Key`, so that retries have no
                further effect.
            path: The path, such as `/failing`; `event_bus_client.path` puts ids into it.
            query: The query parameters; those that are None are left out.
            body: The body, sent as JSON; None for no body.

        Returns:
            The answer as JSON, as text if it is not JSON, or None if it is empty.

        Raises:
            Problem: The bus refused the request.
            ConnectionFailed: No answer came after all retries.
        """
        call = creating(path, body) if method == "POST" else Call(method, path, body=body)
        # If the answer was lost, a retry would find the version that the first attempt wrote.
        once = method == "PUT" and isinstance(body, dict) and "expected_version" in body
        call = replace(call, query=query or {}, repeatable=not once)
        return read(await self._transport.answer(call))

    def listing(self, path: str, /, **query: Any) -> AsyncListing[dict[str, Any]]:
        """Lists the resources of a path for which this class has no method.

        Args:
            path: The path, such as `/schemas`.
            query: The query parameters that the API documents for this list.
        """
        return AsyncListing(self._transport, path, query, dict)

    async def health(
        self, check: Literal["ready", "live", "broker", "database"] = "ready"
    ) -> dict[str, Any]:
        """Reads whether the bus is ready, or another check of its health.

        Args:
            check: Which check: whether the bus is ready or live, its broker, or its database.

        Raises:
            ServerError: The check fails.
        """
        answer: dict[str, Any] = await self._transport.send(Call("GET", path("/health/{}", check)))
        return answer

    async def openapi(self) -> dict[str, Any]:
        """Reads the OpenAPI document of the bus."""
        answer: dict[str, Any] = await self._transport.send(Call("GET", "/openapi.json"))
        return answer

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._transport.aclose()

    async def __aenter__(self) -> "AsyncEventBus":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
