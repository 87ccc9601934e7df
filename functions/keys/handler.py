"""The keys of services: `/publishers/{id}/keys` and `/subscribers/{id}/keys`."""

from collections.abc import Callable
from functools import partial
from typing import Any

from event_bus.access.callers import Caller
from event_bus.api.documents import key_document
from event_bus.api.endpoint import Operation, Request, Response, answer
from event_bus.model.credentials import KeyRequest, RotationRequest
from event_bus.model.validation import read
from event_bus.registry.keys import IssuedKey, KeyRing
from event_bus.registry.services import Services
from event_bus.runtime import stores
from event_bus.settings import settings

_keys = stores.keys()
_services = Services(
    stores.publishers(),
    stores.subscriptions(changes=True),
    _keys,
)
_ring = KeyRing(_keys, settings().key_rate)

Find = Callable[[str, Caller], str]
"""Finds a service that the caller may manage by its id."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers API Gateway."""
    return answer(
        event,
        _operations("/publishers", _services.publisher, _services.publisher)
        | _operations("/subscribers", _services.subscriber, _services.key_owner),
    )


def _operations(path: str, find: Find, find_owner: Find) -> dict[str, Operation]:
    return {
        f"POST {path}/{{id}}/keys": lambda request: _make(request, path, find),
        f"GET {path}/{{id}}/keys": lambda request: _list(request, find_owner),
        f"DELETE {path}/{{id}}/keys/{{key_id}}": lambda request: _revoke(request, find_owner),
        f"POST {path}/{{id}}/keys/{{key_id}}/rotate": lambda request: _rotate(request, path, find),
    }


def _make(request: Request, path: str, find: Find) -> Response:
    service = partial(find, request.resource_id, request.caller)
    service()  # What is not there is said before what is wrong with the request.
    asked = read(KeyRequest, request.json() if request.has_body else {})
    return _created(path, _ring.make(service, asked, request.caller))


def _list(request: Request, find: Find) -> Response:
    service_id = find(request.resource_id, request.caller)
    request.query()
    return Response(200, {"items": [key_document(each) for each in _ring.of(service_id)]})


def _rotate(request: Request, path: str, find: Find) -> Response:
    service = partial(find, request.resource_id, request.caller)
    service()
    asked = read(RotationRequest, request.json() if request.has_body else {})
    issued = _ring.rotate(service, request.key_id, asked.overlap, request.caller)
    return _created(path, issued)


def _revoke(request: Request, find: Find) -> Response:
    _ring.revoke(partial(find, request.resource_id, request.caller), request.key_id)
    return Response(204)


def _created(path: str, issued: IssuedKey) -> Response:
    location = f"{path}/{issued.kept.service_id}/keys/{issued.kept.id}"
    return Response(201, key_document(issued.kept, issued.text), {"location": location})
