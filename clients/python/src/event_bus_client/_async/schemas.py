"""Event types and their schemas."""

from typing import Any

from pydantic import BaseModel

from event_bus_client._async.lists import AsyncListing
from event_bus_client._async.transport import AsyncTransport
from event_bus_client.calls import Call, creating, path, present
from event_bus_client.event_types import declared_type


class AsyncSchemas:
    """Registers schemas, and reads them.

    Example:
        ```python
        await bus.schemas.register(OrderPlaced)
        ```
    """

    def __init__(self, transport: AsyncTransport) -> None:
        """Uses a transport."""
        self._transport = transport

    async def register(
        self,
        what: type[BaseModel] | str,
        schema: dict[str, Any] | None = None,
        *,
        example: dict[str, Any] | None = None,
        upcast: str | None = None,
        validation: str | None = None,
    ) -> dict[str, Any]:
        """Registers a version of a type's schema; nothing changes if the latest one is the same.

        Args:
            what: A model declared by `event_type`, or an event type.
            schema: The JSON Schema, if `what` is a type.
            example: A valid payload.
            upcast: JSONata that makes a payload of this version from one of the version before.
            validation: What to do with invalid events, such as `enforce`; None for no change.

        Returns:
            The version.

        Raises:
            Conflict: It is not compatible with the version before.
            InvalidRequest: It is not a valid schema, or exceeds a limit of the bus.
        """
        event_type = what if isinstance(what, str) else declared_type(what)
        shown = schema if isinstance(what, str) else what.model_json_schema()
        body = {"schema": shown, **present(example=example, upcast=upcast)}
        answer: dict[str, Any] = await self._transport.send(
            creating(path("/schemas/{}/versions", event_type), body)
        )
        if validation is not None:
            await self.update(event_type, validation=validation)
        return answer

    async def update(self, event_type: str, **settings: str | None) -> dict[str, Any]:
        """Changes how the bus uses a type's schemas.

        Args:
            event_type: The type.
            settings: The settings to change: `validation`, `compatibility` or `description`.
        """
        answer: dict[str, Any] = await self._transport.send(
            Call("PATCH", path("/schemas/{}", event_type), body=settings)
        )
        return answer

    async def get(self, event_type: str, version: int | str | None = None) -> dict[str, Any]:
        """Reads a type's schemas, or one version.

        Args:
            event_type: The type.
            version: The version, or `latest`; None for the type's settings and all its versions.
        """
        place = (
            path("/schemas/{}", event_type)
            if version is None
            else path("/schemas/{}/versions/{}", event_type, str(version))
        )
        answer: dict[str, Any] = await self._transport.send(Call("GET", place))
        return answer

    def versions(self, event_type: str, **query: Any) -> AsyncListing[dict[str, Any]]:
        """Lists the versions of a type's schema.

        Args:
            event_type: The type.
            query: The query parameters that the API documents for this list.
        """
        return AsyncListing(self._transport, path("/schemas/{}/versions", event_type), query, dict)

    async def delete(self, event_type: str, version: int) -> None:
        """Deletes a version of a type's schema. Its number is not used again."""
        route = path("/schemas/{}/versions/{}", event_type, str(version))
        await self._transport.send(Call("DELETE", route))

    async def drafts(self, event_type: str | None = None) -> list[dict[str, Any]]:
        """Drafts schemas for types that have none, from their newest events.

        Args:
            event_type: A type or a pattern; None for all types.
        """
        call = Call("GET", "/schema-drafts", query={"type": event_type})
        return await self._transport.read(call, _items)

    def list(self, **query: Any) -> AsyncListing[dict[str, Any]]:
        """Lists the types that have a schema.

        Args:
            query: The query parameters that the API documents for this list.
        """
        return AsyncListing(self._transport, "/schemas", query, dict)


class AsyncEventTypes:
    """The event types of the bus, with or without a schema."""

    def __init__(self, transport: AsyncTransport) -> None:
        """Uses a transport."""
        self._transport = transport

    async def get(self, event_type: str) -> dict[str, Any]:
        """Reads an event type: its schema, who publishes it and who receives it."""
        answer: dict[str, Any] = await self._transport.send(
            Call("GET", path("/event-types/{}", event_type))
        )
        return answer

    def list(self, **query: Any) -> AsyncListing[dict[str, Any]]:
        """Lists the event types that the key may see.

        Args:
            query: The query parameters that the API documents for this list.
        """
        return AsyncListing(self._transport, "/event-types", query, dict)

    async def asyncapi(self) -> dict[str, Any]:
        """Describes the events that the key may see as an AsyncAPI document."""
        answer: dict[str, Any] = await self._transport.send(Call("GET", "/asyncapi.json"))
        return answer


def _items(document: Any) -> list[dict[str, Any]]:
    return [{**each} for each in document["items"]]
