"""Keeps the contexts of services."""

from event_bus.api.documents.contexts import context_entry_document, context_entry_summary
from event_bus.api.endpoint import EndpointPart
from event_bus.api.listing import PageRequest
from event_bus.api.operations import contexts
from event_bus.api.requests import Request, Response
from event_bus.paging import MAX_NAME_POSITION, name_at, name_position
from event_bus.registry.contexts import NamedContext, named_context
from event_bus.requests.contexts import ContextEntryRequest
from event_bus.requests.validation import read
from event_bus.runtime.registry import contexts as kept_contexts

_contexts = kept_contexts()

part = EndpointPart()


@part.answers(contexts.PUT)
def _put_context_entry(request: Request) -> Response:
    asked = read(ContextEntryRequest, request.json())
    key = request.path_parameter("key")
    entry, is_new = _contexts.put(_context(request), key, asked)
    return Response(201 if is_new else 200, context_entry_document(entry))


@part.answers(contexts.GET)
def _get_context_entry(request: Request) -> Response:
    entry = _contexts.get(_context(request), request.path_parameter("key"))
    return Response(200, context_entry_document(entry))


@part.answers(contexts.LIST)
def _list_context_entries(request: Request) -> Response:
    listing = PageRequest(request, MAX_NAME_POSITION)
    behind = name_at(listing.behind)
    found = _contexts.page(_context(request), behind, listing.limit + 1)
    return listing.page_of_more(found, lambda each: name_position(each.key), context_entry_summary)


@part.answers(contexts.DELETE)
def _delete_context_entry(request: Request) -> Response:
    _contexts.delete(_context(request), request.path_parameter("key"))
    return Response(204)


def _context(request: Request) -> NamedContext:
    service_id = request.query().get(contexts.SERVICE_ID)
    return named_context(request.path_parameter("name"), service_id, request.caller)
