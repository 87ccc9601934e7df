"""Contexts: data that enrichments add to events."""

from typing import Any

from event_bus_client._async.lists import AsyncListing
from event_bus_client._async.transport import AsyncTransport
from event_bus_client.calls import Call, path, present
from event_bus_client.models import ContextEntry


class AsyncContexts:
    """The entries of contexts.

    Pass `service_id` if the context belongs to another service than the key's own.

    Example:
        ```python
        await bus.contexts.put("customers", "ada", {"name": "Ada"})
        ```
    """

    def __init__(self, transport: AsyncTransport) -> None:
        """Uses a transport."""
        self._transport = transport

    async def put(
        self,
        name: str,
        key: str,
        value: Any,
        *,
        expected_version: int | None = None,
        service_id: str | None = None,
    ) -> ContextEntry:
        """Writes an entry.

        Args:
            name: The context.
            key: The entry's key.
            value: Any JSON.
            expected_version: The version that the entry must have; 0 if it must be new.
            service_id: The service that the context belongs to.

        Raises:
            Conflict: The entry has another version.
        """
        call = Call(
            "PUT",
            path("/contexts/{}/{}", name, key),
            query={"service_id": service_id},
            body={"value": value, **present(expected_version=expected_version)},
            # If the answer was lost, a retry would find the version that the first attempt wrote.
            repeatable=expected_version is None,
        )
        return await self._transport.read(call, ContextEntry.model_validate)

    async def get(self, name: str, key: str, *, service_id: str | None = None) -> ContextEntry:
        """Reads an entry.

        Raises:
            NotFound: There is none.
        """
        call = Call("GET", path("/contexts/{}/{}", name, key), query={"service_id": service_id})
        return await self._transport.read(call, ContextEntry.model_validate)

    def list(
        self, name: str, *, service_id: str | None = None, limit: int | None = None
    ) -> AsyncListing[dict[str, Any]]:
        """Lists the entries of a context, without their values.

        Args:
            name: The context.
            service_id: The service that it belongs to.
            limit: How many a page holds.
        """
        query = {"service_id": service_id, "limit": limit}
        return AsyncListing(self._transport, path("/contexts/{}", name), query, dict)

    async def delete(self, name: str, key: str, *, service_id: str | None = None) -> None:
        """Removes an entry."""
        call = Call("DELETE", path("/contexts/{}/{}", name, key), query={"service_id": service_id})
        await self._transport.send(call)
