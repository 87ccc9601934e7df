"""Reads events back: `GET /events` and `GET /events/{id}`."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from event_bus import clients
from event_bus.api.documents import event_document, event_summary
from event_bus.api.endpoint import Request, Response, answer
from event_bus.api.paging import read_cursor, write_cursor
from event_bus.querying.event_finder import EventFinder, Found
from event_bus.querying.event_query import PARAMETERS, read_event_query
from event_bus.security.callers import Caller
from event_bus.security.deployed import deployed_readers
from event_bus.settings import settings
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.subscriptions import SubscriptionStore

_dynamodb = clients.dynamodb()
_finder = EventFinder(
    events=EventStore(
        _dynamodb, settings().events_table, PayloadStore(clients.s3(), settings().payloads_bucket)
    ),
    deliveries=DeliveryStore(_dynamodb, settings().deliveries_table),
    subscriptions=SubscriptionStore(_dynamodb, settings().subscriptions_table).of_service,
    executor=ThreadPoolExecutor(8),
)
_readers = deployed_readers()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers API Gateway."""
    return answer(event, {"GET /events": _list, "GET /events/{id}": _get})


def _list(request: Request) -> Response:
    caller = request.caller
    query = request.query(*PARAMETERS)
    page = _finder.page(read_event_query(query), read_cursor(query, caller), caller)
    cursor = write_cursor(page.position, query, caller) if page.position else None
    items = [event_summary(_shown(each, caller)) for each in page.found]
    return Response(200, {"items": items, "next_cursor": cursor})


def _get(request: Request) -> Response:
    caller = request.caller
    return Response(200, event_document(_shown(_finder.get(request.resource_id, caller), caller)))


def _shown(found: Found, caller: Caller) -> Found:
    return replace(found, event=_readers.shown(found.event, caller))
