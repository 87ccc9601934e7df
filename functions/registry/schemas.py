"""Registers schemas, and describes event types."""

from functools import cache

from event_bus.api.documents.schemas import (
    event_type_document,
    event_type_summary,
    type_schemas_document,
    version_document,
    version_summary,
)
from event_bus.api.endpoint import EndpointPart
from event_bus.api.listing import PageRequest
from event_bus.api.operations import schemas
from event_bus.api.requests import Request, Response
from event_bus.paging import number_at
from event_bus.requests.schemas import SchemaRegistration, SchemaSettingsChange
from event_bus.requests.validation import read
from event_bus.runtime.schemas import catalogue, schema_registry

_catalogue = catalogue()
# Made by the first request about schemas: it loads the library that compiles them.
_schemas = cache(schema_registry)

part = EndpointPart()


@part.answers(schemas.REGISTER)
def _register_version(request: Request) -> Response:
    registration = read(SchemaRegistration, request.json())
    event_type = request.path_parameter("type")
    registered = _schemas().register(event_type, registration, request.caller)
    number = registered.version.number
    entry = next(each for each in registered.schemas.versions if each.number == number)
    return Response(
        201 if registered.is_new else 200,
        version_document(entry, registered.version),
        {"location": f"/schemas/{event_type}/versions/{number}"},
    )


@part.answers(schemas.LIST)
def _list_schemas(request: Request) -> Response:
    return PageRequest(request).page_from(
        _schemas().page, lambda each: each.type, type_schemas_document
    )


@part.answers(schemas.GET)
def _get_schemas(request: Request) -> Response:
    found = _schemas().get(request.path_parameter("type"), request.caller)
    return Response(200, type_schemas_document(found))


@part.answers(schemas.CHANGE)
def _change_schemas(request: Request) -> Response:
    change = read(SchemaSettingsChange, request.json())
    event_type = request.path_parameter("type")
    changed = _schemas().change(event_type, change, request.caller)
    return Response(200, type_schemas_document(changed))


@part.answers(schemas.LIST_VERSIONS)
def _list_versions(request: Request) -> Response:
    listing = PageRequest(request)
    found = _schemas().get(request.path_parameter("type"), listing.caller)
    behind = number_at(listing.behind) or 0
    left = [each for each in found.live if each.number > behind]
    return listing.page_of_more(
        left[: listing.limit + 1],
        lambda each: str(each.number),
        lambda each: version_summary(found.type, each),
    )


@part.answers(schemas.GET_VERSION)
def _get_version(request: Request) -> Response:
    event_type, number = request.path_parameter("type"), request.path_parameter("version")
    return Response(200, version_document(*_schemas().version(event_type, number, request.caller)))


@part.answers(schemas.DELETE_VERSION)
def _delete_version(request: Request) -> Response:
    event_type, number = request.path_parameter("type"), request.path_parameter("version")
    _schemas().delete(event_type, number, request.caller)
    return Response(204)


@part.answers(schemas.LIST_TYPES)
def _list_event_types(request: Request) -> Response:
    return PageRequest(request).page_from(
        _catalogue.page, lambda each: each.type, event_type_summary
    )


@part.answers(schemas.GET_TYPE)
def _get_event_type(request: Request) -> Response:
    found = _catalogue.get(request.path_parameter("type"), request.caller)
    return Response(200, event_type_document(found, _catalogue.latest_schema(found)))


@part.answers(schemas.ASYNCAPI)
def _asyncapi(request: Request) -> Response:
    # Imported here: no other operation of the function needs it.
    from event_bus.api.asyncapi import asyncapi_document  # noqa: PLC0415

    return Response(200, asyncapi_document(_catalogue.all(request.caller), request.api_url))
