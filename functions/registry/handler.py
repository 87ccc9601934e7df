"""Registers publishers, subscriptions, schemas, reducers, read models and contexts."""

from collections.abc import Sequence
from functools import cache

from event_bus.api.documents.contexts import context_entry_document, context_entry_summary
from event_bus.api.documents.failing import failing_document
from event_bus.api.documents.read_models import read_model_document
from event_bus.api.documents.reducers import reducer_document
from event_bus.api.documents.schemas import (
    event_type_document,
    event_type_summary,
    type_schemas_document,
    version_document,
    version_summary,
)
from event_bus.api.documents.services import (
    created_publisher_document,
    publisher_document,
    subscriber_document,
)
from event_bus.api.documents.subscriptions import Subscription as SubscriptionDocument
from event_bus.api.documents.subscriptions import (
    created_subscription_document,
    rotated_secret_document,
    subscription_document,
)
from event_bus.api.listing import PageRequest
from event_bus.api.operations import (
    contexts,
    publishers,
    read_models,
    reducers,
    schemas,
    subscribers,
    subscriptions,
)
from event_bus.api.parameters import LIMIT
from event_bus.api.requests import Request, Response
from event_bus.api.sources import listed_source, source_of
from event_bus.model.names import read_service_id
from event_bus.model.subscription import Subscription
from event_bus.paging import MAX_NAME_POSITION, name_at, name_position, number_at
from event_bus.registry.contexts import NamedContext, named_context
from event_bus.registry.subscription_requests import SubscriptionChange, SubscriptionRegistration
from event_bus.requests.contexts import ContextEntryRequest
from event_bus.requests.credentials import RotationRequest
from event_bus.requests.publisher import PublisherChange, PublisherRegistration
from event_bus.requests.read_model import ReadModelRegistration
from event_bus.requests.schemas import SchemaRegistration, SchemaSettingsChange
from event_bus.requests.subscriber import SubscriberRequest
from event_bus.requests.validation import read
from event_bus.runtime.api import handler_of, new_endpoint
from event_bus.runtime.registry import contexts as kept_contexts
from event_bus.runtime.registry import read_model_registry, reducer_registry, registry_components
from event_bus.runtime.schemas import catalogue, schema_registry
from event_bus.states.reducer_requests import ReducerRegistration

_registry = registry_components()
_publishers = _registry.publishers
_subscribers = _registry.subscribers
_subscriptions = _registry.subscriptions
_catalogue = catalogue()
_contexts = kept_contexts()
# Made by the first request about schemas: it loads the library that compiles them.
_schemas = cache(schema_registry)
_reducers = cache(reducer_registry)
_models = cache(read_model_registry)

endpoint = new_endpoint()
handler = handler_of(endpoint)


@endpoint.answers(publishers.REGISTER)
def _register_publisher(request: Request) -> Response:
    registration = read(PublisherRegistration, request.json())
    publisher, key = _publishers.register(registration, request.caller)
    return Response(
        201,
        created_publisher_document(publisher, key),
        {"location": f"/publishers/{publisher.service_id}"},
    )


@endpoint.answers(publishers.LIST)
def _list_publishers(request: Request) -> Response:
    return PageRequest(request).page_from(
        _publishers.page, lambda each: each.service_id, publisher_document
    )


@endpoint.answers(publishers.GET)
def _get_publisher(request: Request) -> Response:
    publisher = _publishers.get(request.resource_id, request.caller)
    return Response(200, publisher_document(publisher))


@endpoint.answers(publishers.CHANGE)
def _change_publisher(request: Request) -> Response:
    change = read(PublisherChange, request.json())
    publisher = _publishers.change(request.resource_id, change, request.caller)
    return Response(200, publisher_document(publisher))


@endpoint.answers(publishers.REMOVE)
def _remove_publisher(request: Request) -> Response:
    _publishers.remove(request.resource_id, request.caller)
    return Response(204)


@endpoint.answers(subscribers.LIST)
def _list_subscribers(request: Request) -> Response:
    return PageRequest(request).page_from(
        _subscribers.page, lambda each: each.service_id, subscriber_document
    )


@endpoint.answers(subscribers.GET)
def _get_subscriber(request: Request) -> Response:
    grant = _subscribers.get(request.resource_id, request.caller)
    return Response(200, subscriber_document(grant))


@endpoint.answers(subscribers.PUT)
def _put_subscriber(request: Request) -> Response:
    service_id = read_service_id(request.resource_id)
    grant, is_new = _subscribers.put(service_id, read(SubscriberRequest, request.json()))
    return Response(201 if is_new else 200, subscriber_document(grant))


@endpoint.answers(subscribers.REMOVE)
def _remove_subscriber(request: Request) -> Response:
    _subscribers.remove(request.resource_id)
    return Response(204)


@endpoint.answers(subscriptions.REGISTER)
def _register_subscription(request: Request) -> Response:
    registration = read(SubscriptionRegistration, request.json())
    reserved = request.reserved_id("sub")
    registered = _subscriptions.register(registration, request.caller, reserved)
    return Response(
        201,
        created_subscription_document(registered),
        {"location": f"/subscriptions/{registered.subscription.id}"},
    )


@endpoint.answers(subscriptions.PUT)
def _put_subscription(request: Request) -> Response:
    put = _registry.chosen_ids.put(
        request.resource_id, request.json(), request.caller, only_new=request.only_new
    )
    if isinstance(put, Subscription):
        return Response(200, _documents([put])[0])
    location = f"/subscriptions/{put.subscription.id}"
    return Response(201, created_subscription_document(put), {"location": location})


@endpoint.answers(subscriptions.LIST)
def _list_subscriptions(request: Request) -> Response:
    listing = PageRequest(request)
    selection = subscriptions.selection(listing.query)
    only = _registry.failing.among if listing.query.get(subscriptions.HEALTH) else None
    found, position = _subscriptions.page(
        selection, listing.behind, listing.limit, listing.caller, only
    )
    items = zip((each.id for each in found), _documents(found), strict=True)
    return listing.page(items, position)


@endpoint.answers(subscriptions.FAILING)
def _list_failing(request: Request) -> Response:
    found, total = _registry.failing.find(request.caller, request.query()[LIMIT])
    return Response(200, {"items": [failing_document(each) for each in found], "total": total})


@endpoint.answers(subscriptions.GET)
def _get_subscription(request: Request) -> Response:
    subscription = _subscriptions.get(request.resource_id, request.caller)
    return Response(200, _documents([subscription])[0])


@endpoint.answers(subscriptions.CHANGE)
def _change_subscription(request: Request) -> Response:
    change = read(SubscriptionChange, request.json())
    subscription = _subscriptions.change(request.resource_id, change, request.caller)
    return Response(200, _documents([subscription])[0])


@endpoint.answers(subscriptions.REMOVE)
def _remove_subscription(request: Request) -> Response:
    _subscriptions.remove(request.resource_id, request.caller)
    return Response(204)


@endpoint.answers(subscriptions.ROTATE_SECRET)
def _rotate_secret(request: Request) -> Response:
    asked = read(RotationRequest, request.json() if request.has_body else {})
    subscription, secret = _subscriptions.rotate_secret(
        request.resource_id, asked.overlap, request.caller
    )
    return Response(200, rotated_secret_document(subscription, secret))


@endpoint.answers(schemas.REGISTER)
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


@endpoint.answers(schemas.LIST)
def _list_schemas(request: Request) -> Response:
    return PageRequest(request).page_from(
        _schemas().page, lambda each: each.type, type_schemas_document
    )


@endpoint.answers(schemas.GET)
def _get_schemas(request: Request) -> Response:
    found = _schemas().get(request.path_parameter("type"), request.caller)
    return Response(200, type_schemas_document(found))


@endpoint.answers(schemas.CHANGE)
def _change_schemas(request: Request) -> Response:
    change = read(SchemaSettingsChange, request.json())
    event_type = request.path_parameter("type")
    changed = _schemas().change(event_type, change, request.caller)
    return Response(200, type_schemas_document(changed))


@endpoint.answers(schemas.LIST_VERSIONS)
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


@endpoint.answers(schemas.GET_VERSION)
def _get_version(request: Request) -> Response:
    event_type, number = request.path_parameter("type"), request.path_parameter("version")
    return Response(200, version_document(*_schemas().version(event_type, number, request.caller)))


@endpoint.answers(schemas.DELETE_VERSION)
def _delete_version(request: Request) -> Response:
    event_type, number = request.path_parameter("type"), request.path_parameter("version")
    _schemas().delete(event_type, number, request.caller)
    return Response(204)


@endpoint.answers(schemas.LIST_TYPES)
def _list_event_types(request: Request) -> Response:
    return PageRequest(request).page_from(
        _catalogue.page, lambda each: each.type, event_type_summary
    )


@endpoint.answers(schemas.GET_TYPE)
def _get_event_type(request: Request) -> Response:
    found = _catalogue.get(request.path_parameter("type"), request.caller)
    return Response(200, event_type_document(found, _catalogue.latest_schema(found)))


@endpoint.answers(schemas.ASYNCAPI)
def _asyncapi(request: Request) -> Response:
    # Imported here: no other operation of the function needs it.
    from event_bus.api.asyncapi import asyncapi_document  # noqa: PLC0415

    return Response(200, asyncapi_document(_catalogue.all(request.caller), request.api_url))


@endpoint.answers(reducers.PUT)
def _put_reducer(request: Request) -> Response:
    source, category = _definition(request)
    reducer = read(ReducerRegistration, request.json()).root.reducer()
    version, is_new = _reducers().register(source, category, reducer, request.caller)
    location = {"location": f"/reducers/{category}?source={source}"}
    return Response(201 if is_new else 200, reducer_document(version), location)


@endpoint.answers(reducers.GET)
def _get_reducer(request: Request) -> Response:
    return Response(200, reducer_document(_reducers().get(*_definition(request))))


@endpoint.answers(reducers.VERSIONS)
def _list_reducer_versions(request: Request) -> Response:
    listing = PageRequest(request)
    before = number_at(listing.behind)
    found = _reducers().versions(*_definition(request), before, listing.limit + 1)
    return listing.page_of_more(found, lambda each: str(each.number), reducer_document)


@endpoint.answers(reducers.LIST)
def _list_reducers(request: Request) -> Response:
    listing = PageRequest(request)
    found = _reducers().page(
        listed_source(listing.query, listing.caller), listing.behind, listing.limit + 1
    )
    return listing.page_of_more(found, lambda each: each.name, reducer_document)


@endpoint.answers(reducers.REMOVE)
def _remove_reducer(request: Request) -> Response:
    _reducers().remove(*_definition(request), request.caller)
    return Response(204)


@endpoint.answers(read_models.PUT)
def _put_read_model(request: Request) -> Response:
    source, category = _definition(request)
    indexes = read(ReadModelRegistration, request.json()).indexes
    model, is_new = _models().register(source, category, indexes)
    location = {"location": f"/read-models/{category}?source={source}"}
    return Response(201 if is_new else 200, read_model_document(model), location)


@endpoint.answers(read_models.LIST)
def _list_read_models(request: Request) -> Response:
    listing = PageRequest(request)
    found = _models().page(
        listed_source(listing.query, listing.caller), listing.behind, listing.limit + 1
    )
    return listing.page_of_more(found, lambda each: each.name, read_model_document)


@endpoint.answers(read_models.REBUILD)
def _rebuild_read_model(request: Request) -> Response:
    return Response(202, read_model_document(_models().rebuild(*_definition(request))))


@endpoint.answers(read_models.REMOVE)
def _remove_read_model(request: Request) -> Response:
    _models().remove(*_definition(request))
    return Response(204)


def _definition(request: Request) -> tuple[str, str]:
    """Returns the service and the stream category of a reducer or a read model."""
    return source_of(request.query(), request.caller), request.path_parameter("category")


@endpoint.answers(contexts.PUT)
def _put_context_entry(request: Request) -> Response:
    asked = read(ContextEntryRequest, request.json())
    key = request.path_parameter("key")
    entry, is_new = _contexts.put(_context(request), key, asked)
    return Response(201 if is_new else 200, context_entry_document(entry))


@endpoint.answers(contexts.GET)
def _get_context_entry(request: Request) -> Response:
    entry = _contexts.get(_context(request), request.path_parameter("key"))
    return Response(200, context_entry_document(entry))


@endpoint.answers(contexts.LIST)
def _list_context_entries(request: Request) -> Response:
    listing = PageRequest(request, MAX_NAME_POSITION)
    behind = name_at(listing.behind)
    found = _contexts.page(_context(request), behind, listing.limit + 1)
    return listing.page_of_more(found, lambda each: name_position(each.key), context_entry_summary)


@endpoint.answers(contexts.DELETE)
def _delete_context_entry(request: Request) -> Response:
    _contexts.delete(_context(request), request.path_parameter("key"))
    return Response(204)


def _context(request: Request) -> NamedContext:
    service_id = request.query().get(contexts.SERVICE_ID)
    return named_context(request.path_parameter("name"), service_id, request.caller)


def _documents(found: Sequence[Subscription]) -> list[SubscriptionDocument]:
    circuits, paces = _registry.circuits.with_paces(each.id for each in found)
    backlogs = _registry.backlogs.of(found)
    return [
        subscription_document(
            each, circuits.get(each.id), paces.get(each.id), backlogs.get(each.id)
        )
        for each in found
    ]
