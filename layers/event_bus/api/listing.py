"""Lists: the request for a page, and the answer."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from event_bus.access.callers import Caller
from event_bus.api.parameters import LIMIT
from event_bus.api.requests import Request, Response
from event_bus.paging import MAX_POSITION, AskedList, page_document, read_cursor

Item = TypeVar("Item")


class PageRequest:
    """A request for a page of a list.

    Attributes:
        query: The query parameters.
        caller: Who asks.
        behind: The position after which the page begins; None for the first page.
        limit: The largest number of items of the page.
    """

    def __init__(self, request: Request, longest: int = MAX_POSITION) -> None:
        """Reads the request.

        Args:
            request: The request.
            longest: The most characters that a position in this list may have.

        Raises:
            MalformedRequest: A parameter cannot be read, or the cursor belongs to another list.
        """
        self.query = request.query()
        self.caller = request.caller
        self._asked = AskedList(request.path, self.query.sent, self.caller)
        self.behind = read_cursor(self._asked, longest)
        self.limit = self.query[LIMIT]

    def page(self, items: Iterable[tuple[str, Any]], rest: str | None) -> Response:
        """Returns the answer with a page, or with as much of it as an answer can hold.

        Args:
            items: The position of each item, and its document.
            rest: The position after which the next page begins; None at the end of the list.
        """
        return Response(200, page_document(items, rest, self._asked))

    def page_of_more(
        self,
        found: Sequence[Item],
        position: Callable[[Item], str],
        document: Callable[[Item], Any],
    ) -> Response:
        """Returns the answer with a page, from a list that was read one item further.

        An item beyond `limit` shows that there is a next page.

        Args:
            found: Up to `limit + 1` items.
            position: Returns the position of an item.
            document: Makes the document of an item.
        """
        shown = found[: self.limit]
        rest = position(shown[-1]) if len(found) > self.limit else None
        return self.page(((position(each), document(each)) for each in shown), rest)

    def page_from(
        self,
        find: Callable[[str | None, int, Caller], Sequence[Item]],
        position: Callable[[Item], str],
        document: Callable[[Item], Any],
    ) -> Response:
        """Returns the answer with a page of the items that the caller may see.

        Args:
            find: Finds items, by the position after which they begin, their largest number and the
                caller.
            position: Returns the position of an item.
            document: Makes the document of an item.
        """
        found = find(self.behind, self.limit + 1, self.caller)
        return self.page_of_more(found, position, document)
