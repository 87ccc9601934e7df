"""Lists: a page of one as it is asked for, and as it is answered."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from event_bus.api.parameters import LIMIT
from event_bus.api.requests import Request, Response
from event_bus.paging import MAX_POSITION, page_document, read_cursor

Item = TypeVar("Item")


class Listing:
    """A request for a page of a list.

    Attributes:
        query: The query parameters.
        caller: Who asks.
        behind: The position behind which the page begins; None for the first page.
        limit: How many items it holds at most.
    """

    def __init__(self, request: Request, longest: int = MAX_POSITION) -> None:
        """Reads the request.

        Args:
            request: The request.
            longest: How many characters a position of the list may have.

        Raises:
            MalformedRequest: A parameter cannot be read, or the cursor belongs to another list.
        """
        self.query = request.query()
        self.caller = request.caller
        self.behind = read_cursor(self.query.sent, self.caller, longest)
        self.limit = self.query[LIMIT]

    def page(self, items: Iterable[tuple[str, Any]], rest: str | None) -> Response:
        """The answer.

        Args:
            items: Each document, and the position behind it.
            rest: Where the next page begins if all items fit; None at the end of the list.
        """
        return Response(200, page_document(items, rest, self.query.sent, self.caller))

    def page_of_more(
        self,
        found: Sequence[Item],
        position: Callable[[Item], str],
        document: Callable[[Item], Any],
    ) -> Response:
        """The answer from one item more than it holds, which tells whether there is a next page.

        Args:
            found: Up to `limit + 1` items.
            position: The position behind an item.
            document: The document of an item.
        """
        shown = found[: self.limit]
        rest = position(shown[-1]) if len(found) > self.limit else None
        return self.page(((position(each), document(each)) for each in shown), rest)
