"""Registers read models."""

from functools import cache

from event_bus.api.documents.read_models import read_model_document
from event_bus.api.endpoint import EndpointPart
from event_bus.api.listing import PageRequest
from event_bus.api.operations import read_models
from event_bus.api.requests import Request, Response
from event_bus.api.sources import listed_source, source_and_category
from event_bus.requests.read_model import ReadModelRegistration
from event_bus.requests.validation import read
from event_bus.runtime.registry import read_model_registry

_models = cache(read_model_registry)

part = EndpointPart()


@part.answers(read_models.PUT)
def _put_read_model(request: Request) -> Response:
    source, category = source_and_category(request)
    indexes = read(ReadModelRegistration, request.json()).indexes
    model, is_new = _models().register(source, category, indexes)
    location = {"location": f"/read-models/{category}?source={source}"}
    return Response(201 if is_new else 200, read_model_document(model), location)


@part.answers(read_models.LIST)
def _list_read_models(request: Request) -> Response:
    listing = PageRequest(request)
    found = _models().page(
        listed_source(listing.query, listing.caller), listing.behind, listing.limit + 1
    )
    return listing.page_of_more(found, lambda each: each.name, read_model_document)


@part.answers(read_models.REBUILD)
def _rebuild_read_model(request: Request) -> Response:
    return Response(202, read_model_document(_models().rebuild(*source_and_category(request))))


@part.answers(read_models.REMOVE)
def _remove_read_model(request: Request) -> Response:
    _models().remove(*source_and_category(request))
    return Response(204)
