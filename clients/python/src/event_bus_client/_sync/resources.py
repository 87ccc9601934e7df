"""Resources of the bus, such as publishers and subscriptions: one class for each kind."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from event_bus_client._sync.keys import Keys
from event_bus_client._sync.lists import Listing
from event_bus_client._sync.transport import Transport
from event_bus_client.calls import Call, creating, path, present, text
from event_bus_client.explanations import Tested
from event_bus_client.models import NewEvent
from event_bus_client.publishing import tested_event

Document = dict[str, Any]


class _Resources:
    """Resources of one kind, under one path."""

    _path: str

    def __init__(self, transport: Transport) -> None:
        """Uses a transport."""
        self._transport = transport

    def get(self, resource_id: str) -> Document:
        """Reads one.

        Raises:
            NotFound: There is none, or none that the key may see.
        """
        return self._send(Call("GET", path(self._path + "/{}", resource_id)))

    def list(self, **query: Any) -> Listing[Document]:
        """Lists them.

        Args:
            query: The query parameters that the API documents for this list.
        """
        return Listing(self._transport, self._path, query, dict)

    def _send(self, call: Call) -> Document:
        answer: Document = self._transport.send(call)
        return answer


class _Registered(_Resources):
    """Resources that clients create, change and remove."""

    def create(self, **members: Any) -> Document:
        """Registers one.

        Args:
            members: The members of the request, as the API documents them.

        Returns:
            The new resource, with secrets that are never shown again.

        Raises:
            InvalidRequest: A member is wrong; `faults` says which.
        """
        return self._send(creating(self._path, members))

    def update(self, resource_id: str, **members: Any) -> Document:
        """Changes members of one.

        Args:
            resource_id: Which one.
            members: The members to change.
        """
        return self._send(Call("PATCH", path(self._path + "/{}", resource_id), body=members))

    def delete(self, resource_id: str) -> None:
        """Removes one."""
        self._transport.send(Call("DELETE", path(self._path + "/{}", resource_id)))


class Publishers(_Registered):
    """The services that publish.

    Attributes:
        keys: Their keys.
    """

    _path = "/publishers"

    def __init__(self, transport: Transport) -> None:
        """Uses a transport."""
        super().__init__(transport)
        self.keys = Keys(transport, self._path)


class Subscribers(_Resources):
    """What services may receive.

    Attributes:
        keys: The keys of services that only receive.
    """

    _path = "/subscribers"

    def __init__(self, transport: Transport) -> None:
        """Uses a transport."""
        super().__init__(transport)
        self.keys = Keys(transport, self._path)

    def put(self, service_id: str, event_types: Sequence[str]) -> Document:
        """Sets the types that a service may receive, beside its own events.

        Args:
            service_id: The service.
            event_types: Types or patterns; none permits none.
        """
        body = {"event_types": [*event_types]}
        return self._send(Call("PUT", path("/subscribers/{}", service_id), body=body))

    def delete(self, service_id: str) -> None:
        """Removes what was set: the default of the bus applies."""
        self._transport.send(Call("DELETE", path("/subscribers/{}", service_id)))


class Subscriptions(_Registered):
    """Subscriptions: which service receives which events, where and how."""

    _path = "/subscriptions"

    def put(
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
        return self._send(
            Call(
                "PUT",
                path("/subscriptions/{}", subscription_id),
                body=members,
                headers={"if-none-match": "*"} if only_new else {},
                # If the answer was lost, a retry would find the subscription of the first attempt.
                repeatable=not only_new,
            )
        )

    def follow_stream(
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
            bus.subscriptions.follow_stream(
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
        return self._follow(subscription_id, stream, event_types, members)

    def follow_category(
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
        return self._follow(subscription_id, stream, event_types, members)

    def _follow(
        self,
        subscription_id: str | None,
        stream: dict[str, Any],
        event_types: Sequence[str],
        members: dict[str, Any],
    ) -> Document:
        named = {name: value for name, value in stream.items() if value is not None}
        asked = {**members, "event_types": [*event_types], "stream": named}
        if subscription_id is None:
            return self.create(**asked)
        return self.put(subscription_id, **asked)

    def rotate_secret(self, subscription_id: str, **members: Any) -> Document:
        """Replaces the signing secret; the old one stays valid for an overlap.

        Args:
            subscription_id: The subscription.
            members: The members of the request, as the API documents them.
        """
        return self._send(
            creating(path("/subscriptions/{}/secret/rotate", subscription_id), members)
        )

    def test(
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
        return self._transport.read(call, Tested.model_validate)

    def test_filters(
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
        return self._transport.read(call, Tested.model_validate)

    def failing(self, *, limit: int | None = None) -> Document:
        """Reads which subscriptions fail now, and how many.

        Args:
            limit: How many to show.
        """
        return self._send(Call("GET", "/failing", query={"limit": limit}))


class DeadLetters(_Resources):
    """Deliveries that failed."""

    _path = "/dead-letters"

    def retry(self, dead_letter_id: str) -> Document:
        """Delivers one again.

        Raises:
            Conflict: It is being delivered already.
        """
        return self._send(creating(path("/dead-letters/{}/retry", dead_letter_id)))

    def retry_all(self, **members: Any) -> Document:
        """Delivers many again.

        Args:
            members: Which ones, as the API documents it.
        """
        return self._send(creating("/dead-letters/retry", members))

    def discard(self, dead_letter_id: str) -> None:
        """Discards one."""
        self._transport.send(Call("DELETE", path("/dead-letters/{}", dead_letter_id)))


class Replays(_Resources):
    """Events that are delivered again."""

    _path = "/replays"

    def start(
        self, *, since: datetime | str, until: datetime | str | None = None, **members: Any
    ) -> Document:
        """Replays the events of a period.

        Args:
            since: The earliest timestamp.
            until: The end of the period; None for now.
            members: Further members of the request, as the API documents them.
        """
        period = {"from": text(since)} | ({} if until is None else {"to": text(until)})
        return self._send(creating("/replays", period | members))

    def cancel(self, replay_id: str) -> Document:
        """Stops one."""
        return self._send(Call("DELETE", path("/replays/{}", replay_id)))
