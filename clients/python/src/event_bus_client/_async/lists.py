"""Lists that come in pages."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Generic, TypeVar

from event_bus_client._async.transport import AsyncTransport
from event_bus_client.calls import Call
from event_bus_client.errors import UnexpectedAnswer
from event_bus_client.models import Page

Item = TypeVar("Item")


class AsyncListing(Generic[Item]):
    """A list of the API: iterate over its items, or read it page by page.

    Example:
        ```python
        async for event in bus.events.list(type="order.*"):
            print(event.id)
        ```
    """

    def __init__(
        self,
        transport: AsyncTransport,
        path: str,
        query: Mapping[str, Any],
        read_item: Callable[[Any], Item],
    ) -> None:
        """Names what is listed; nothing is requested yet.

        Args:
            transport: Sends the requests.
            path: The path of the list.
            query: What is listed.
            read_item: Reads an item.
        """
        self._transport = transport
        self._path = path
        self._query = query
        self._read_item = read_item

    async def page(self, cursor: str | None = None) -> Page[Item]:
        """Reads one page.

        Args:
            cursor: The `next_cursor` of the page before; None reads the first page.
        """
        query = {**self._query, "cursor": cursor}
        return await self._transport.read(Call("GET", self._path, query=query), self._read_page)

    async def __aiter__(self) -> AsyncIterator[Item]:
        cursor: str | None = None
        while True:
            page = await self.page(cursor)
            for item in page.items:
                yield item
            if page.next_cursor is None:
                return
            if page.next_cursor == cursor:
                raise UnexpectedAnswer(f"The list {self._path} does not end: a page names itself.")
            cursor = page.next_cursor

    def _read_page(self, document: Any) -> Page[Item]:
        items = [self._read_item(each) for each in document["items"]]
        return Page[Item](items=items, next_cursor=document.get("next_cursor"))
