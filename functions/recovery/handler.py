"""Dead letters and replays: `/dead-letters`, `/replays` and `/events/{id}/replay`."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from event_bus import clients
from event_bus.access.callers import Caller
from event_bus.api.documents import dead_letter_document, replay_document
from event_bus.api.endpoint import Request, Response, answer
from event_bus.model.event import Event
from event_bus.model.replay import EventReplayRequest, ReplayRequest
from event_bus.model.validation import read
from event_bus.paging import limit_in, page_document, read_cursor, write_cursor
from event_bus.querying.event_finder import EventFinder
from event_bus.queues.lanes import Lanes
from event_bus.queues.replays import ReplayQueue
from event_bus.recovery.dead_letters import (
    PARAMETERS,
    BulkRetryRequest,
    DeadLetters,
    read_dead_letter_query,
)
from event_bus.recovery.replays import Replays
from event_bus.runtime import stores
from event_bus.runtime.payloads import rights_reader
from event_bus.settings import settings

_executor = ThreadPoolExecutor(8)
_deliveries = stores.deliveries(writes=True)
_subscriptions = stores.subscriptions()
_finder = EventFinder(
    events=stores.events(),
    deliveries=_deliveries,
    subscriptions=_subscriptions.of_service,
    executor=_executor,
    rights=rights_reader(),
)


def _event(event_id: str, caller: Caller) -> Event:
    return _finder.get(event_id, caller).event


_dead_letters = DeadLetters(_deliveries, Lanes(clients.sqs(), settings().lane_urls, _executor))
_replays = Replays(
    store=stores.replays(writes=True),
    queue=ReplayQueue(clients.sqs(), settings().replay_queue_url),
    subscription=_subscriptions.get,
    event=_event,
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers API Gateway."""
    return answer(
        event,
        {
            "POST /events/{id}/replay": _replay_event,
            "POST /replays": _start_replay,
            "GET /replays": _list_replays,
            "GET /replays/{id}": _get_replay,
            "DELETE /replays/{id}": _cancel_replay,
            "GET /dead-letters": _list_dead_letters,
            "POST /dead-letters/retry": _retry_dead_letters,
            "GET /dead-letters/{id}": _get_dead_letter,
            "POST /dead-letters/{id}/retry": _retry_dead_letter,
            "DELETE /dead-letters/{id}": _discard_dead_letter,
        },
    )


def _replay_event(request: Request) -> Response:
    caller = request.caller
    asked = read(EventReplayRequest, request.json() if request.has_body else {})
    replay = _replays.of_event(request.resource_id, asked, caller, request.reserved_id("rpl"))
    return _begun(replay_document(replay))


def _start_replay(request: Request) -> Response:
    caller = request.caller
    asked = read(ReplayRequest, request.json())
    return _begun(replay_document(_replays.of_period(asked, caller, request.reserved_id("rpl"))))


def _begun(document: dict[str, Any]) -> Response:
    return Response(202, document, {"location": f"/replays/{document['id']}"})


def _list_replays(request: Request) -> Response:
    caller = request.caller
    query = request.query("limit", "cursor")
    limit = limit_in(query)
    found = _replays.page(read_cursor(query, caller), limit + 1, caller)
    page, rest = found[:limit], found[limit - 1].id if len(found) > limit else None
    items = [(each.id, replay_document(each)) for each in page]
    return Response(200, page_document(items, rest, query, caller))


def _get_replay(request: Request) -> Response:
    caller = request.caller
    return Response(200, replay_document(_replays.get(request.resource_id, caller)))


def _cancel_replay(request: Request) -> Response:
    caller = request.caller
    return Response(200, replay_document(_replays.cancel(request.resource_id, caller)))


def _list_dead_letters(request: Request) -> Response:
    caller = request.caller
    query = request.query(*PARAMETERS)
    found, position = _dead_letters.page(
        read_dead_letter_query(query), read_cursor(query, caller), caller
    )
    items = [(each.dead_letter_id or "", dead_letter_document(each)) for each in found]
    return Response(200, page_document(items, position, query, caller))


def _retry_dead_letters(request: Request) -> Response:
    caller = request.caller
    asked = read(BulkRetryRequest, request.json())
    filters = asked.filters()
    retried, position = _dead_letters.retry_all(asked.query(), read_cursor(filters, caller), caller)
    cursor = write_cursor(position, filters, caller) if position else None
    return Response(202, {"retried": retried, "next_cursor": cursor})


def _get_dead_letter(request: Request) -> Response:
    caller = request.caller
    return Response(200, dead_letter_document(_dead_letters.get(request.resource_id, caller)))


def _retry_dead_letter(request: Request) -> Response:
    caller = request.caller
    return Response(202, dead_letter_document(_dead_letters.retry(request.resource_id, caller)))


def _discard_dead_letter(request: Request) -> Response:
    caller = request.caller
    _dead_letters.discard(request.resource_id, caller)
    return Response(204)
