"""Registers reducers."""

from functools import cache

from event_bus.api.documents.reducers import reducer_document
from event_bus.api.endpoint import EndpointPart
from event_bus.api.listing import PageRequest
from event_bus.api.operations import reducers
from event_bus.api.requests import Request, Response
from event_bus.api.sources import listed_source, source_and_category
from event_bus.paging import number_at
from event_bus.requests.validation import read
from event_bus.runtime.registry import reducer_registry
from event_bus.states.reducer_requests import ReducerRegistration

_reducers = cache(reducer_registry)

part = EndpointPart()


@part.answers(reducers.PUT)
def _put_reducer(request: Request) -> Response:
    source, category = source_and_category(request)
    reducer = read(ReducerRegistration, request.json()).root.reducer()
    version, is_new = _reducers().register(source, category, reducer, request.caller)
    location = {"location": f"/reducers/{category}?source={source}"}
    return Response(201 if is_new else 200, reducer_document(version), location)


@part.answers(reducers.GET)
def _get_reducer(request: Request) -> Response:
    return Response(200, reducer_document(_reducers().get(*source_and_category(request))))


@part.answers(reducers.VERSIONS)
def _list_reducer_versions(request: Request) -> Response:
    listing = PageRequest(request)
    before = number_at(listing.behind)
    found = _reducers().versions(*source_and_category(request), before, listing.limit + 1)
    return listing.page_of_more(found, lambda each: str(each.number), reducer_document)


@part.answers(reducers.LIST)
def _list_reducers(request: Request) -> Response:
    listing = PageRequest(request)
    found = _reducers().page(
        listed_source(listing.query, listing.caller), listing.behind, listing.limit + 1
    )
    return listing.page_of_more(found, lambda each: each.name, reducer_document)


@part.answers(reducers.REMOVE)
def _remove_reducer(request: Request) -> Response:
    _reducers().remove(*source_and_category(request), request.caller)
    return Response(204)
