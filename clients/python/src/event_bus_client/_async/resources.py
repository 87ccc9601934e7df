"""Resources of the bus, such as publishers and subscriptions: one class for each kind."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from event_bus_client._async.keys import AsyncKeys
from event_bus_client._async.lists import AsyncListing
from event_bus_client._async.transport import AsyncTransport
from event_bus_client.calls import Call, creating, path, present, text
from event_bus_client.explanations import Tested
from event_bus_client.models import NewEvent
from event_bus_client.publishing import tested_event

Document = dict[str, Any]


class _Resources:
    """Resources of one kind, under one path."""

    _path: str

    def __init__(self, transport: AsyncTransport) -> None:
        """Uses a transport."""
        self._transport = transport

    async def get(self, resource_id: str) -> Document:
        """Reads one.

        Raises:
            NotFound: There is none, or none that the key may see.
        """
        return await self._send(Call("GET", path(self._path + "/{}", resource_id)))

    def list(self, **query: Any) -> AsyncListing[Document]:
        """Lists them.

        Args:
            query: The query parameters that the API documents for this list.
        """
        return AsyncListing(self._transport, self._path, query, dict)

    async def _send(self, call: Call) -> Document:
        answer: Document = await self._transport.send(call)
        return answer


class _Registered(_Resources):
    """Resources that clients create, change and remove."""

    async def create(self, **members: Any) -> Document:
        """Registers one.

        Args:
            members: The members of the request, as the API documents them.

        Returns:
            The new resource, with secrets that are never shown again.

        Raises:
            InvalidRequest: A member is wrong; `faults` says which.
        """
        return await self._send(creating(self._path, members))

    async def update(self, resource_id: str, **members: Any) -> Document:
        """Changes members of one.

        Args:
            resource_id: Which one.
            members: The members to change.
        """
        return await self._send(Call("PATCH", path(self._path + "/{}", resource_id), body=members))

    async def delete(self, resource_id: str) -> None:
        """Removes one."""
        await self._transport.send(Call("DELETE", path(self._path + "/{}", resource_id)))


class AsyncPublishers(_Registered):
    """The services that publish.

    Attributes:
        keys: Their keys.
    """

    _path = "/publishers"

    def __init__(self, transport: AsyncTransport) -> None:
        """Uses a transport."""
        super().__init__(transport)
        self.keys = AsyncKeys(transport, self._path)


class AsyncSubscribers(_Resources):
    """What services may receive.

    Attributes:
        keys: The keys of services that only receive.
    """

    _path = "/subscribers"

    def __init__(self, transport: AsyncTransport) -> None:
        """Uses a transport."""
        super().__init__(transport)
        self.keys = AsyncKeys(transport, self._path)

    async def put(self, service_id: str, event_types: Sequence[str]) -> Document:
        """Sets the types that a service may receive, beside its own events.

        Args:
            service_id: The service.
            event_types: Types or patterns; none permits none.
        """
        body = {"event_types": [*event_types]}
        return await self._send(Call("PUT", path("/subscribers/{}", service_id), body=body))

    async def delete(self, service_id: str) -> None:
        """Removes what was set: the default of the bus applies."""
        await self._transport.send(Call("DELETE", path("/subscribers/{}", service_id)))


class AsyncSubscriptions(_Registered):
    """Subscriptions: which service receives which events, where and how."""

    _path = "/subscriptions"

    async def put(
        self, subscription_id: str, *, only_new: bool = False, **members: Any
    ) -> Document:
        """Registers a subscription under an id of your choice, or replaces it.

        Args:
            subscription_id: The id.
            only_new: Whether to replace nothing.
            members: The members of the request, as the API documents them.

        Raises:
            PreconditionFailed: There is one already, and `only_new` is set.
        """
        return await self._send(
            Call(
                "PUT",
                path("/subscriptions/{}", subscription_id),
                body=members,
                headers={"if-none-match": "*"} if only_new else {},
                # If the answer was lost, a retry would find the subscription of the first attempt.
                repeatable=not only_new,
            )
        )

    async def follow_stream(
        self,
        stream_id: str,
        *,
        source: str,
        from_version: int | None = None,
        event_types: Sequence[str] = ("*",),
        subscription_id: str | None = None,
        **members: Any,
    ) -> Document:
        """Registers a subscription to one event stream, which receives its events in order.

        Example:
            ```python
            await bus.subscriptions.follow_stream(
                "order/1", source="shop", from_version=1, target={"type": "pull"}
            )
            ```

        Args:
            stream_id: The stream.
            source: The service that publishes it.
            from_version: The first version to receive, also if it was stored before; None receives
                the events that are stored from now on. It needs a key with the scope `recover`.
            event_types: Types or patterns.
            subscription_id: An id of your choice; None for a generated one.
            members: Further members of the subscription, such as `target`.
        """
        stream = {"source": source, "id": stream_id, "from_version": from_version}
        return await self._follow(subscription_id, stream, event_types, members)

    async def follow_category(
        self,
        category: str,
        *,
        source: str,
        from_beginning: bool = False,
        event_types: Sequence[str] = ("*",),
        subscription_id: str | None = None,
        **members: Any,
    ) -> Document:
        """Registers a subscription to all event streams of a category, each in its order.

        Streams that begin later are included.

        Args:
            category: The part of the streams' ids before the first slash.
            source: The service that publishes them.
            from_beginning: Whether to receive the events that were stored before. It needs a key
                with the scope `recover`.
            event_types: Types or patterns.
            subscription_id: An id of your choice; None for a generated one.
            members: Further members of the subscription, such as `target`.
        """
        stream = {
            "source": source,
            "category": category,
            "from_version": 1 if from_beginning else None,
        }
        return await self._follow(subscription_id, stream, event_types, members)

    async def _follow(
        self,
        subscription_id: str | None,
        stream: dict[str, Any],
        event_types: Sequence[str],
        members: dict[str, Any],
    ) -> Document:
        named = {name: value for name, value in stream.items() if value is not None}
        asked = {**members, "event_types": [*event_types], "stream": named}
        if subscription_id is None:
            return await self.create(**asked)
        return await self.put(subscription_id, **asked)

    async def rotate_secret(self, subscription_id: str, **members: Any) -> Document:
        """Replaces the signing secret; the old one stays valid for an overlap.

        Args:
            subscription_id: The subscription.
            members: The members of the request, as the API documents them.
        """
        return await self._send(
            creating(path("/subscriptions/{}/secret/rotate", subscription_id), members)
        )

    async def test(
        self,
        subscription_id: str,
        event: NewEvent | dict[str, Any] | str,
        *,
        enrichment: dict[str, Any] | None = None,
    ) -> Tested:
        """Tests a subscription with an event: does it match, and what would be sent?

        Nothing is stored or sent.

        Args:
            subscription_id: The subscription.
            event: An event, or the id of a stored one.
            enrichment: The parts of the enrichment, as their sources would answer.
        """
        body = {**tested_event(event), **present(enrichment=enrichment)}
        call = Call("POST", path("/subscriptions/{}/test", subscription_id), body=body)
        return await self._transport.read(call, Tested.model_validate)

    async def test_filters(
        self,
        event: NewEvent | dict[str, Any] | str,
        *,
        event_types: Sequence[str] | None = None,
        filters: dict[str, Any] | None = None,
        transform: dict[str, Any] | None = None,
        enrichment: dict[str, Any] | None = None,
    ) -> Tested:
        """Tests types, filters and a transform with an event, before you subscribe with them.

        Args:
            event: An event, or the id of a stored one.
            event_types: Types or patterns; None for the event's own type.
            filters: Event patterns by type.
            transform: The transform.
            enrichment: The parts of the enrichment, as their sources would answer.
        """
        more = present(
            event_types=None if event_types is None else [*event_types],
            filters=filters,
            transform=transform,
            enrichment=enrichment,
        )
        call = Call("POST", "/filters/test", body={**tested_event(event), **more})
        return await self._transport.read(call, Tested.model_validate)

    async def failing(self, *, limit: int | None = None) -> Document:
        """Reads which subscriptions fail now, and how many.

        Args:
            limit: How many to show.
        """
        return await self._send(Call("GET", "/failing", query={"limit": limit}))


class AsyncDeadLetters(_Resources):
    """Deliveries that failed."""

    _path = "/dead-letters"

    async def retry(self, dead_letter_id: str) -> Document:
        """Delivers one again.

        Raises:
            Conflict: It is being delivered already.
        """
        return await self._send(creating(path("/dead-letters/{}/retry", dead_letter_id)))

    async def retry_all(self, **members: Any) -> Document:
        """Delivers many again.

        Args:
            members: Which ones, as the API documents it.
        """
        return await self._send(creating("/dead-letters/retry", members))

    async def discard(self, dead_letter_id: str) -> None:
        """Discards one."""
        await self._transport.send(Call("DELETE", path("/dead-letters/{}", dead_letter_id)))


class AsyncReplays(_Resources):
    """Events that are delivered again."""

    _path = "/replays"

    async def start(
        self, *, since: datetime | str, until: datetime | str | None = None, **members: Any
    ) -> Document:
        """Replays the events of a period.

        Args:
            since: The earliest timestamp.
            until: The end of the period; None for now.
            members: Further members of the request, as the API documents them.
        """
        period = {"from": text(since)} | ({} if until is None else {"to": text(until)})
        return await self._send(creating("/replays", period | members))

    async def cancel(self, replay_id: str) -> Document:
        """Stops one."""
        return await self._send(Call("DELETE", path("/replays/{}", replay_id)))
