"""Serves inboxes: `/subscriptions/{id}/events`, `/ack`, `/stream`; `/stream`."""

from dataclasses import replace
from typing import cast

from event_bus.access.callers import Caller
from event_bus.access.ownership import own_subscription
from event_bus.api.documents.inbox import FetchedEvent, FetchedEvents, StreamToken
from event_bus.api.operations import inbox as operations
from event_bus.api.parameters import LIMIT
from event_bus.api.query import Query
from event_bus.api.requests import Request, Response
from event_bus.errors import Conflict, MalformedRequest
from event_bus.inbox.reader import InboxReader, beyond_the_end
from event_bus.inbox.sse_format import MEDIA_TYPE
from event_bus.model.fetching import Acknowledgement
from event_bus.model.registration import Subscription
from event_bus.model.validation import read
from event_bus.runtime.api import handler_of, new_endpoint
from event_bus.runtime.inbox import inboxes_over_http

_inboxes = inboxes_over_http()
endpoint = new_endpoint()
handler = handler_of(endpoint)


@endpoint.answers(operations.FETCH)
def _fetch(request: Request) -> Response:
    subscription = _inbox_of(request, request.caller)
    query = request.query()
    limit, wait, place = query[LIMIT], query[operations.WAIT], query.get(operations.PLACE)
    if place is not None:
        if operations.LEASE in query:
            raise MalformedRequest.at("lease", "must be left out where a cursor is given")
        if place and place > (end := _inboxes.inboxes.last(subscription.id)):
            raise MalformedRequest.at("cursor", beyond_the_end(end))
        fetched, position = _reader_for(request, wait).read(subscription.id, place, limit, wait)
        lease, until = None, None
    else:
        leases = replace(_inboxes.leases, reader=_reader_for(request, wait))
        taken = leases.take(subscription.id, limit, wait, query[operations.LEASE])
        fetched, position = taken.fetched, taken.position
        lease, until = taken.lease, taken.lease_until
    document: FetchedEvents = {
        "items": [cast("FetchedEvent", each.document()) for each in fetched],
        "cursor": str(position),
        "lease": lease,
        "lease_expires_at": until,
    }
    return Response(200, document)


@endpoint.answers(operations.ACKNOWLEDGE)
def _acknowledge(request: Request) -> Response:
    subscription = _inbox_of(request, request.caller)
    asked = read(Acknowledgement, request.json())
    if asked.cursor is not None:
        _inboxes.leases.acknowledge(subscription.id, asked.lease, int(asked.cursor))
    if asked.extend is not None:
        _inboxes.leases.extend(subscription.id, asked.lease, asked.extend)
    return Response(204)


@endpoint.answers(operations.STREAM)
def _stream(request: Request) -> Response:
    subscription = _inbox_of(request, request.caller)
    query = request.query()
    wait = query[operations.TURN]
    streams = replace(_inboxes.streams, reader=_reader_for(request, wait))
    return _turn(streams.follow(subscription, _last_id(request, query), wait))


@endpoint.answers(operations.LISTEN)
def _listen(request: Request) -> Response:
    caller = request.caller
    query = request.query()
    types, wait = query[operations.TYPES], query[operations.TURN]
    streams = replace(_inboxes.streams, reader=_reader_for(request, wait))
    turn, listener_id = streams.listen(types, caller, _last_id(request, query), wait)
    return replace(_turn(turn), listener_id=listener_id)


def _reader_for(request: Request, wait: int) -> InboxReader:
    return replace(_inboxes.reader, place=_inboxes.waiting.place(request.caller.service_id, wait))


def _last_id(request: Request, query: Query) -> str | None:
    # A browser that comes back says by the header where it was.
    return request.headers.get("last-event-id") or query.sent.get("cursor")


def _turn(text: str) -> Response:
    return Response(200, text=text, headers={"content-type": MEDIA_TYPE})


@endpoint.answers(operations.CREATE_TOKEN)
def _issue_token(request: Request) -> Response:
    caller = request.caller
    subscription = _inbox_of(request, caller)
    return _issued(*_inboxes.tokens.issue(subscription.service_id, caller, subscription.id))


@endpoint.answers(operations.CREATE_LISTENER_TOKEN)
def _issue_service_token(request: Request) -> Response:
    caller = request.caller
    return _issued(*_inboxes.tokens.issue(caller.service_id, caller))


def _issued(token: str, expires_at: str) -> Response:
    document: StreamToken = {"token": token, "expires_at": expires_at}
    return Response(201, document)


def _inbox_of(request: Request, caller: Caller) -> Subscription:
    subscription = own_subscription(_inboxes.subscriptions.get, request.resource_id, caller)
    if subscription.target.lane != "inbox":
        raise Conflict("The subscription has another target than an inbox.")
    return subscription
