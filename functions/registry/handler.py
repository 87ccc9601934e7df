"""Registers publishers, subscribers and subscriptions.

The modules beside it answer the function's operations on schemas, reducers, read models and
contexts.
"""

from collections.abc import Sequence

from event_bus.api.documents.failing import failing_document
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
from event_bus.api.operations import publishers, subscribers, subscriptions
from event_bus.api.parameters import LIMIT
from event_bus.api.requests import Request, Response
from event_bus.model.names import read_service_id
from event_bus.model.subscription import Subscription
from event_bus.registry.subscription_requests import SubscriptionChange, SubscriptionRegistration
from event_bus.requests.credentials import RotationRequest
from event_bus.requests.publisher import PublisherChange, PublisherRegistration
from event_bus.requests.subscriber import SubscriberRequest
from event_bus.requests.validation import read
from event_bus.runtime.api import handler_of, new_endpoint
from event_bus.runtime.registry import registry_components

from functions.registry import contexts, read_models, reducers, schemas

_registry = registry_components()
_publishers = _registry.publishers
_subscribers = _registry.subscribers
_subscriptions = _registry.subscriptions

endpoint = new_endpoint(contexts.part, read_models.part, reducers.part, schemas.part)
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


def _documents(found: Sequence[Subscription]) -> list[SubscriptionDocument]:
    circuits, paces = _registry.circuits.with_paces(each.id for each in found)
    backlogs = _registry.backlogs.of(found)
    return [
        subscription_document(
            each, circuits.get(each.id), paces.get(each.id), backlogs.get(each.id)
        )
        for each in found
    ]
