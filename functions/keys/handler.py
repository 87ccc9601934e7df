"""The keys of services: `/publishers/{id}/keys` and `/subscribers/{id}/keys`."""

from collections.abc import Callable
from functools import partial

from event_bus.access.callers import Caller
from event_bus.api.documents.services import created_key_document, key_document
from event_bus.api.operations.keys import OF_PUBLISHERS, OF_SUBSCRIBERS, KeyOperations
from event_bus.api.requests import Request, Response
from event_bus.registry.keys import IssuedKey
from event_bus.requests.credentials import KeyRequest, RotationRequest
from event_bus.requests.validation import read
from event_bus.runtime.api import handler_of, new_endpoint
from event_bus.runtime.registry import key_registry, services

_services = services()
_keys = key_registry()

Find = Callable[[str, Caller], str]
"""Returns the id of a service, if it exists and the caller may manage it."""


endpoint = new_endpoint()
handler = handler_of(endpoint)


def _answer(operations: KeyOperations, find: Find, find_owner: Find) -> None:
    path = operations.path
    endpoint.answers(operations.make)(lambda request: _make(request, path, find))
    endpoint.answers(operations.list)(lambda request: _list(request, find_owner))
    endpoint.answers(operations.revoke)(lambda request: _revoke(request, find_owner))
    endpoint.answers(operations.rotate)(lambda request: _rotate(request, path, find))


def _make(request: Request, path: str, find: Find) -> Response:
    service = partial(find, request.resource_id, request.caller)
    service()  # A missing service is reported before faults of the request.
    asked = read(KeyRequest, request.json() if request.has_body else {})
    return _created(path, _keys.make(service, asked, request.caller))


def _list(request: Request, find: Find) -> Response:
    service_id = find(request.resource_id, request.caller)
    request.query()
    return Response(200, {"items": [key_document(each) for each in _keys.of(service_id)]})


def _rotate(request: Request, path: str, find: Find) -> Response:
    service = partial(find, request.resource_id, request.caller)
    service()
    asked = read(RotationRequest, request.json() if request.has_body else {})
    issued = _keys.rotate(service, request.path_parameter("key_id"), asked.overlap, request.caller)
    return _created(path, issued)


def _revoke(request: Request, find: Find) -> Response:
    _keys.revoke(
        partial(find, request.resource_id, request.caller), request.path_parameter("key_id")
    )
    return Response(204)


def _created(path: str, issued: IssuedKey) -> Response:
    location = f"{path}/{issued.kept.service_id}/keys/{issued.kept.id}"
    return Response(201, created_key_document(issued.kept, issued.text), {"location": location})


_answer(OF_PUBLISHERS, _services.publisher, _services.publisher)
_answer(OF_SUBSCRIBERS, _services.subscriber, _services.key_owner)
