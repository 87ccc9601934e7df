"""Subscribers fetch their events: `/subscriptions/{id}/events`, `/ack`, `/stream`; `/stream`."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from event_bus.access.callers import Caller
from event_bus.access.ownership import own_subscription
from event_bus.access.stream_tokens import StreamTokens
from event_bus.api.endpoint import Request, Response, answer
from event_bus.errors import Conflict
from event_bus.inbox.leases import InboxLeases
from event_bus.inbox.listeners import Listeners
from event_bus.inbox.reader import InboxReader, beyond_the_end
from event_bus.inbox.sse import Streams
from event_bus.inbox.sse_format import MEDIA_TYPE
from event_bus.inbox.waiting import WaitingRoom
from event_bus.model.fetching import (
    LEASE_SECONDS,
    MAX_LEASE_SECONDS,
    MAX_WAIT_SECONDS,
    TURN_SECONDS,
    Acknowledgement,
)
from event_bus.model.registration import Subscription
from event_bus.model.validation import read
from event_bus.paging import bad_parameter, limit_in, patterns_in, whole_in
from event_bus.runtime import stores
from event_bus.runtime.payloads import deployed_readers, hearing, rights_reader
from event_bus.settings import settings

_subscriptions = stores.subscriptions(changes=True)
_inboxes = stores.inboxes()
_reader = InboxReader(
    _inboxes,
    stores.events(),
    deployed_readers(),
    rights_reader(),
    _subscriptions.get,
    ThreadPoolExecutor(8),
)
_leases = InboxLeases(_reader, stores.inbox_cursors())
_listeners = Listeners(_subscriptions, _inboxes, settings().service_listeners, hearing())
_streams = Streams(_inboxes, _reader, _listeners)
_MAX_PLACE = 10**15 - 1
_waiting = WaitingRoom(stores.limits(), settings().waiting_requests)
_tokens = StreamTokens(stores.keys())


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers API Gateway."""
    return answer(
        event,
        {
            "GET /subscriptions/{id}/events": _fetch,
            "POST /subscriptions/{id}/ack": _acknowledge,
            "GET /subscriptions/{id}/stream": _stream,
            "POST /subscriptions/{id}/stream-tokens": _issue_token,
            "GET /stream": _listen,
            "POST /stream-tokens": _issue_service_token,
        },
    )


def _fetch(request: Request) -> Response:
    subscription = _inbox_of(request, request.caller)
    query = request.query("cursor", "limit", "wait", "lease")
    limit, wait = limit_in(query), whole_in(query, "wait", 0, 0, MAX_WAIT_SECONDS)
    if "cursor" in query:
        if "lease" in query:
            raise bad_parameter("lease", "must be left out where a cursor is given")
        place = whole_in(query, "cursor", 0, 0, _MAX_PLACE)
        if place and place > (end := _inboxes.last(subscription.id)):
            raise bad_parameter("cursor", beyond_the_end(end))
        fetched, position = _reader_for(request, wait).read(subscription.id, place, limit, wait)
        lease, until = None, None
    else:
        seconds = whole_in(query, "lease", LEASE_SECONDS, 1, MAX_LEASE_SECONDS)
        leases = replace(_leases, reader=_reader_for(request, wait))
        taken = leases.take(subscription.id, limit, wait, seconds)
        fetched, position = taken.fetched, taken.position
        lease, until = taken.lease, taken.lease_until
    document = {
        "items": [each.document() for each in fetched],
        "cursor": str(position),
        "lease": lease,
        "lease_expires_at": until,
    }
    return Response(200, document)


def _acknowledge(request: Request) -> Response:
    subscription = _inbox_of(request, request.caller)
    asked = read(Acknowledgement, request.json())
    _leases.acknowledge(subscription.id, asked.lease, int(asked.cursor))
    return Response(204)


def _stream(request: Request) -> Response:
    subscription = _inbox_of(request, request.caller)
    query = request.query("token", "cursor", "wait")
    whole_in(query, "cursor", 0, 0, _MAX_PLACE)
    wait = _turn_seconds(query)
    streams = replace(_streams, reader=_reader_for(request, wait))
    return _turn(streams.follow(subscription, _last_id(request, query), wait))


def _listen(request: Request) -> Response:
    caller = request.caller
    query = request.query("types", "token", "cursor", "wait")
    types = patterns_in(query, "types")
    wait = _turn_seconds(query)
    streams = replace(_streams, reader=_reader_for(request, wait))
    turn, listener_id = streams.listen(types, caller, _last_id(request, query), wait)
    return replace(_turn(turn), listener_id=listener_id)


def _reader_for(request: Request, wait: int) -> InboxReader:
    return replace(_reader, place=_waiting.place(request.caller.service_id, wait))


def _last_id(request: Request, query: dict[str, str]) -> str | None:
    # A browser that comes back says by the header where it was.
    return request.headers.get("last-event-id") or query.get("cursor")


def _turn_seconds(query: dict[str, str]) -> int:
    return whole_in(query, "wait", TURN_SECONDS, 0, TURN_SECONDS)


def _turn(text: str) -> Response:
    return Response(200, text=text, headers={"content-type": MEDIA_TYPE})


def _issue_token(request: Request) -> Response:
    caller = request.caller
    subscription = _inbox_of(request, caller)
    return _issued(*_tokens.issue(subscription.service_id, caller, subscription.id))


def _issue_service_token(request: Request) -> Response:
    caller = request.caller
    return _issued(*_tokens.issue(caller.service_id, caller))


def _issued(token: str, expires_at: str) -> Response:
    return Response(201, {"token": token, "expires_at": expires_at})


def _inbox_of(request: Request, caller: Caller) -> Subscription:
    subscription = own_subscription(_subscriptions.get, request.resource_id, caller)
    if subscription.target.lane != "inbox":
        raise Conflict("The subscription has another target than an inbox.")
    return subscription
