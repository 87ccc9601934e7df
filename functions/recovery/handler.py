"""Dead letters and replays: `/dead-letters`, `/replays` and `/events/{id}/replay`."""

from event_bus.api.documents.deliveries import BulkRetry, dead_letter_document
from event_bus.api.documents.replays import replay_document
from event_bus.api.listing import PageRequest
from event_bus.api.operations import dead_letters, replays
from event_bus.api.requests import Request, Response
from event_bus.model.replay import Replay
from event_bus.paging import AskedList, read_cursor, write_cursor
from event_bus.recovery.dead_letters import BulkRetryRequest
from event_bus.requests.replay import EventReplayRequest, ReplayRequest
from event_bus.requests.validation import read
from event_bus.runtime import recovery
from event_bus.runtime.api import handler_of, new_endpoint

_dead_letters = recovery.dead_letters()
_replays = recovery.replays()
endpoint = new_endpoint()
handler = handler_of(endpoint)


@endpoint.answers(replays.REPLAY_EVENT)
def _replay_event(request: Request) -> Response:
    caller = request.caller
    asked = read(EventReplayRequest, request.json() if request.has_body else {})
    replay = _replays.of_event(request.resource_id, asked, caller, request.reserved_id("rpl"))
    return _begun(replay)


@endpoint.answers(replays.START)
def _start_replay(request: Request) -> Response:
    caller = request.caller
    asked = read(ReplayRequest, request.json())
    return _begun(_replays.of_period(asked, caller, request.reserved_id("rpl")))


def _begun(replay: Replay) -> Response:
    return Response(202, replay_document(replay), {"location": f"/replays/{replay.id}"})


@endpoint.answers(replays.LIST)
def _list_replays(request: Request) -> Response:
    return PageRequest(request).page_from(_replays.page, lambda each: each.id, replay_document)


@endpoint.answers(replays.GET)
def _get_replay(request: Request) -> Response:
    caller = request.caller
    return Response(200, replay_document(_replays.get(request.resource_id, caller)))


@endpoint.answers(replays.CANCEL)
def _cancel_replay(request: Request) -> Response:
    caller = request.caller
    return Response(200, replay_document(_replays.cancel(request.resource_id, caller)))


@endpoint.answers(dead_letters.LIST)
def _list_dead_letters(request: Request) -> Response:
    listing = PageRequest(request)
    selection = dead_letters.selection(listing.query)
    found, position = _dead_letters.page(selection, listing.behind, listing.caller)
    items = [(each.dead_letter_id or "", dead_letter_document(each)) for each in found]
    return listing.page(items, position)


@endpoint.answers(dead_letters.RETRY_ALL)
def _retry_dead_letters(request: Request) -> Response:
    caller = request.caller
    asked = read(BulkRetryRequest, request.json())
    letters = AskedList(request.path, asked.filters(), caller)
    retried, position = _dead_letters.retry_all(asked.query(), read_cursor(letters), caller)
    cursor = write_cursor(position, letters) if position else None
    document: BulkRetry = {"retried": retried, "next_cursor": cursor}
    return Response(202, document)


@endpoint.answers(dead_letters.GET)
def _get_dead_letter(request: Request) -> Response:
    caller = request.caller
    return Response(200, dead_letter_document(_dead_letters.get(request.resource_id, caller)))


@endpoint.answers(dead_letters.RETRY)
def _retry_dead_letter(request: Request) -> Response:
    caller = request.caller
    return Response(202, dead_letter_document(_dead_letters.retry(request.resource_id, caller)))


@endpoint.answers(dead_letters.DISCARD)
def _discard_dead_letter(request: Request) -> Response:
    caller = request.caller
    _dead_letters.discard(request.resource_id, caller)
    return Response(204)
