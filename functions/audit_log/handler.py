"""Shows the audit log: `GET /audit-log`."""

from event_bus.api.api_gateway import handler_of
from event_bus.api.endpoint import Endpoint
from event_bus.api.listing import Listing
from event_bus.api.operations import audit_log as operations
from event_bus.api.requests import Request, Response
from event_bus.audit.reader import AuditReader
from event_bus.runtime import stores

_reader = AuditReader(stores.audit_entries())
endpoint = Endpoint()
handler = handler_of(endpoint)


@endpoint.answers(operations.LIST)
def _list(request: Request) -> Response:
    listing = Listing(request)
    selection = operations.selection(listing.query)
    return listing.page(*_reader.page(selection, listing.behind, listing.limit))
