"""Registers publishers and subscriptions: `/publishers` and `/subscriptions`."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_args

from event_bus import clients
from event_bus.access.callers import Caller
from event_bus.access.hearing import Hearing, Subscribers
from event_bus.access.opt_in import tag_key
from event_bus.access.receive_rights import RightsReader
from event_bus.api import documents
from event_bus.api.endpoint import Request, Response, answer
from event_bus.callbacks.client import CallbackClient
from event_bus.callbacks.handshake import Handshake
from event_bus.encryption.signing_secrets import SigningSecrets
from event_bus.model.credentials import RotationRequest
from event_bus.model.registration import (
    Publisher,
    PublisherChange,
    PublisherRegistration,
    Subscription,
    SubscriptionChange,
    SubscriptionRegistration,
    SubscriptionStatus,
)
from event_bus.model.rights import Grant, SubscriberRequest
from event_bus.model.validation import read, read_service_id
from event_bus.paging import choice_in, limit_in, page_document, read_cursor
from event_bus.queues.replays import ReplayQueue
from event_bus.registry.chosen_ids import ChosenIds
from event_bus.registry.managed_queues import SETTLING_SECONDS, ManagedQueues
from event_bus.registry.opt_ins import OptIns
from event_bus.registry.publishers import PublisherRegistry
from event_bus.registry.subscriptions import SubscriptionQuery, SubscriptionRegistry
from event_bus.runtime import stores
from event_bus.settings import settings

_keys = stores.keys()
_store = stores.subscriptions(changes=True)
_publisher_store = stores.publishers()
_rights = stores.rights(changes=True)
_publishers = PublisherRegistry(_publisher_store, _keys, _store, _rights)
_subscribers = Subscribers(_rights)
_circuits = stores.circuits()
_paces = stores.paces()
_subscriptions = SubscriptionRegistry(
    _store,
    _publisher_store,
    _keys,
    _circuits,
    _paces,
    stores.replays(writes=True),
    ReplayQueue(clients.sqs(), settings().replay_queue_url),
    ManagedQueues(
        clients.sqs(),
        settings().managed_prefix,
        # The emulator's queues can be used at once.
        0 if settings().local else SETTLING_SECONDS,
    ),
    OptIns(
        settings().account,
        tag_key(settings().stage),
        settings().untagged_targets,
        clients.of_service,
    ),
    stores.inboxes(),
    SigningSecrets(clients.kms(), settings().sealing_key),
    Handshake(CallbackClient(settings().callback_networks), settings().api_host),
    settings().service_subscriptions,
    Hearing(RightsReader(_rights, settings().default_receive), _publisher_store.get),
)

_chosen_ids = ChosenIds(_subscriptions)

_OfService = TypeVar("_OfService", Publisher, Grant)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers API Gateway."""
    return answer(
        event,
        {
            "POST /publishers": _register_publisher,
            "GET /publishers": _list_publishers,
            "GET /publishers/{id}": _get_publisher,
            "PATCH /publishers/{id}": _change_publisher,
            "DELETE /publishers/{id}": _remove_publisher,
            "GET /subscribers": _list_subscribers,
            "GET /subscribers/{id}": _get_subscriber,
            "PUT /subscribers/{id}": _put_subscriber,
            "DELETE /subscribers/{id}": _remove_subscriber,
            "POST /subscriptions": _register_subscription,
            "GET /subscriptions": _list_subscriptions,
            "GET /subscriptions/{id}": _get_subscription,
            "PUT /subscriptions/{id}": _put_subscription,
            "PATCH /subscriptions/{id}": _change_subscription,
            "DELETE /subscriptions/{id}": _remove_subscription,
            "POST /subscriptions/{id}/secret/rotate": _rotate_secret,
        },
    )


def _register_publisher(request: Request) -> Response:
    caller = request.caller
    registration = read(PublisherRegistration, request.json())
    publisher, key = _publishers.register(registration, caller)
    return Response(
        201,
        documents.publisher_document(publisher, key),
        {"location": f"/publishers/{publisher.service_id}"},
    )


def _list_publishers(request: Request) -> Response:
    return _page_of_services(request, _publishers.page, documents.publisher_document)


def _get_publisher(request: Request) -> Response:
    publisher = _publishers.get(request.resource_id, request.caller)
    return Response(200, documents.publisher_document(publisher))


def _change_publisher(request: Request) -> Response:
    change = read(PublisherChange, request.json())
    publisher = _publishers.change(request.resource_id, change, request.caller)
    return Response(200, documents.publisher_document(publisher))


def _remove_publisher(request: Request) -> Response:
    _publishers.remove(request.resource_id, request.caller)
    return Response(204)


def _list_subscribers(request: Request) -> Response:
    return _page_of_services(request, _subscribers.page, documents.subscriber_document)


def _get_subscriber(request: Request) -> Response:
    grant = _subscribers.get(request.resource_id, request.caller)
    return Response(200, documents.subscriber_document(grant))


def _put_subscriber(request: Request) -> Response:
    service_id = read_service_id(request.resource_id)
    grant, is_new = _subscribers.put(service_id, read(SubscriberRequest, request.json()))
    return Response(201 if is_new else 200, documents.subscriber_document(grant))


def _remove_subscriber(request: Request) -> Response:
    _subscribers.remove(request.resource_id)
    return Response(204)


def _register_subscription(request: Request) -> Response:
    caller = request.caller
    registration = read(SubscriptionRegistration, request.json())
    registered = _subscriptions.register(registration, caller, request.reserved_id("sub"))
    return Response(
        201,
        documents.created_subscription_document(registered),
        {"location": f"/subscriptions/{registered.subscription.id}"},
    )


def _put_subscription(request: Request) -> Response:
    put = _chosen_ids.put(
        request.resource_id, request.json(), request.caller, only_new=request.only_new
    )
    if isinstance(put, Subscription):
        return Response(200, _documents([put])[0])
    location = f"/subscriptions/{put.subscription.id}"
    return Response(201, documents.created_subscription_document(put), {"location": location})


def _list_subscriptions(request: Request) -> Response:
    caller = request.caller
    query = request.query("service_id", "event_type", "status", "limit", "cursor")
    status = choice_in(query, "status", get_args(SubscriptionStatus))
    selection = SubscriptionQuery(query.get("service_id"), query.get("event_type"), status)
    found, position = _subscriptions.page(
        selection, read_cursor(query, caller), limit_in(query), caller
    )
    items = zip((each.id for each in found), _documents(found), strict=True)
    return Response(200, page_document(items, position, query, caller))


def _get_subscription(request: Request) -> Response:
    subscription = _subscriptions.get(request.resource_id, request.caller)
    return Response(200, _documents([subscription])[0])


def _change_subscription(request: Request) -> Response:
    caller = request.caller
    change = read(SubscriptionChange, request.json())
    subscription = _subscriptions.change(request.resource_id, change, caller)
    return Response(200, _documents([subscription])[0])


def _remove_subscription(request: Request) -> Response:
    _subscriptions.remove(request.resource_id, request.caller)
    return Response(204)


def _rotate_secret(request: Request) -> Response:
    caller = request.caller
    asked = read(RotationRequest, request.json() if request.has_body else {})
    subscription, secret = _subscriptions.rotate_secret(request.resource_id, asked.overlap, caller)
    return Response(200, documents.rotated_secret_document(subscription, secret))


def _documents(subscriptions: Sequence[Subscription]) -> list[dict[str, Any]]:
    circuits, paces = _circuits.with_paces(each.id for each in subscriptions)
    return [
        documents.subscription_document(each, circuits.get(each.id), paces.get(each.id))
        for each in subscriptions
    ]


def _page_of_services(
    request: Request,
    find: Callable[[str | None, int, Caller], Sequence[_OfService]],
    document: Callable[[_OfService], dict[str, Any]],
) -> Response:
    """A page of a list that has one item for each service, in the order of their names."""
    caller = request.caller
    query = request.query("limit", "cursor")
    limit = limit_in(query)
    found = find(read_cursor(query, caller), limit + 1, caller)
    page, rest = found[:limit], found[limit - 1].service_id if len(found) > limit else None
    items = [(each.service_id, document(each)) for each in page]
    return Response(200, page_document(items, rest, query, caller))
