"""The schemas of event types."""

from typing import Any

from pydantic import BaseModel

from event_bus_client._async.lists import AsyncListing
from event_bus_client._async.transport import AsyncTransport
from event_bus_client.calls import Call, creating, path
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
        validation: str | None = None,
    ) -> dict[str, Any]:
        """Registers a version of a type's schema; nothing changes if the latest one is the same.

        Args:
            what: A model declared by `event_type`, or an event type.
            schema: The JSON Schema, if `what` is a type.
            example: A valid payload.
            validation: What to do with invalid events, such as `enforce`; None for no change.

        Returns:
            The version.

        Raises:
            Conflict: It is not compatible with the version before.
            InvalidRequest: It is not a valid schema, or exceeds a limit of the bus.
        """
        event_type = what if isinstance(what, str) else declared_type(what)
        shown = schema if isinstance(what, str) else what.model_json_schema()
        body = {"schema": shown} if example is None else {"schema": shown, "example": example}
        answer: dict[str, Any] = await self._transport.send(
            creating(path("/schemas/{}/versions", event_type), body)
        )
        if validation is not None:
            change = {"validation": validation}
            await self._transport.send(Call("PATCH", path("/schemas/{}", event_type), body=change))
        return answer

    async def get(self, event_type: str, version: int | None = None) -> dict[str, Any]:
        """Reads a type's schemas, or one version.

        Args:
            event_type: The type.
            version: The version; None for the type with all its versions.
        """
        place = (
            path("/schemas/{}", event_type)
            if version is None
            else path("/schemas/{}/versions/{}", event_type, str(version))
        )
        answer: dict[str, Any] = await self._transport.send(Call("GET", place))
        return answer

    def list(self, **query: Any) -> AsyncListing[dict[str, Any]]:
        """Lists the types that have a schema.

        Args:
            query: The query parameters that the API documents for this list.
        """
        return AsyncListing(self._transport, "/schemas", query, dict)
