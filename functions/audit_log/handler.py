"""Shows the audit log: `GET /audit-log`."""

from event_bus.api.listing import PageRequest
from event_bus.api.operations import audit_log as operations
from event_bus.api.requests import Request, Response
from event_bus.runtime import audit
from event_bus.runtime.api import handler_of, new_endpoint

_reader = audit.reader()
endpoint = new_endpoint()
handler = handler_of(endpoint)


@endpoint.answers(operations.LIST)
def _list(request: Request) -> Response:
    listing = PageRequest(request)
    selection = operations.selection(listing.query)
    return listing.page(*_reader.page(selection, listing.behind, listing.limit))
