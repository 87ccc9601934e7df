"""Serves inboxes, by pull and by SSE, and commands."""

from dataclasses import replace
from functools import cache
from typing import cast

from event_bus.access.callers import Caller
from event_bus.access.ownership import own_subscription
from event_bus.api.documents.commands import Command, command_document, replied_document
from event_bus.api.documents.inbox import FetchedEvent, FetchedEvents, StreamToken
from event_bus.api.operations import commands
from event_bus.api.operations import inbox as operations
from event_bus.api.operations.publishing import REQUIRE_HANDLER
from event_bus.api.parameters import LIMIT
from event_bus.api.query import Query
from event_bus.api.requests import Request, Response
from event_bus.commands.finding import FoundCommand
from event_bus.commands.sending import Patience
from event_bus.errors import Conflict, MalformedRequest
from event_bus.inbox.reader import InboxReader, beyond_the_end
from event_bus.inbox.sse_format import MEDIA_TYPE
from event_bus.model.subscription import Subscription
from event_bus.publishing.client_request import ClientRequest
from event_bus.publishing.replying import ReplyContent
from event_bus.requests.commands import CommandSubmission, ReplyRequest
from event_bus.requests.fetching import Acknowledgement
from event_bus.requests.validation import read
from event_bus.runtime.api import handler_of, new_endpoint
from event_bus.runtime.commands import command_components
from event_bus.runtime.inbox import inbox_components

_inboxes = inbox_components()
# Made by the first request about commands, because it loads the code that publishes events.
_commands = cache(command_components)
endpoint = new_endpoint()
handler = handler_of(endpoint)


@endpoint.answers(operations.FETCH)
def _fetch(request: Request) -> Response:
    subscription = _inbox_of(request, request.caller)
    query = request.query()
    limit, wait, place = query[LIMIT], query[operations.WAIT], query.get(operations.PLACE)
    if place is not None:
        if operations.LEASE in query:
            raise MalformedRequest.at("lease", "must be left out if a cursor is given")
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
        place = int(asked.cursor)
        _inboxes.leases.acknowledge(subscription.id, asked.lease, place, asked.extend)
    elif asked.extend is not None:
        _inboxes.leases.extend(subscription.id, asked.lease, asked.extend)
    return Response(204)


@endpoint.answers(operations.STREAM)
def _stream(request: Request) -> Response:
    subscription = _inbox_of(request, request.caller)
    query = request.query()
    wait = query[operations.SSE_WAIT]
    sse = replace(_inboxes.sse, reader=_reader_for(request, wait))
    return _sse_response(sse.follow(subscription, _last_id(request, query), wait))


@endpoint.answers(operations.LISTEN)
def _listen(request: Request) -> Response:
    caller = request.caller
    query = request.query()
    types, wait = query[operations.TYPES], query[operations.SSE_WAIT]
    sse = replace(_inboxes.sse, reader=_reader_for(request, wait))
    text, listener_id = sse.listen(types, caller, _last_id(request, query), wait)
    return replace(_sse_response(text), listener_id=listener_id)


def _reader_for(request: Request, wait: int) -> InboxReader:
    return replace(_inboxes.reader, slot=_inboxes.waiting.slot(request.caller.service_id, wait))


def _last_id(request: Request, query: Query) -> str | None:
    # The header wins: a browser that connects again repeats the URL, and sends its last place
    # there.
    return request.headers.get("last-event-id") or query.sent.get("cursor")


def _sse_response(text: str) -> Response:
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


@endpoint.answers(commands.SEND)
def _send_command(request: Request) -> Response:
    query, caller = request.query(), request.caller
    body, wait = request.json(), query[commands.WAIT]
    read(CommandSubmission, body)
    components = _commands()
    accepted, record = components.sender.send(
        body,
        caller,
        _patience(request, wait),
        request=ClientRequest.of(request.headers, request.ip_address),
        require_handler=query.get(REQUIRE_HANDLER) is True,
    )
    event = accepted.event
    if wait or accepted.repeated:
        found = components.commands.found(event, record, caller)
    else:
        found = FoundCommand(event, record, "accepted")
    status = 200 if record.ended else 202
    return Response(status, _command(found, caller), {"location": f"/commands/{event.id}"})


@endpoint.answers(commands.GET)
def _get_command(request: Request) -> Response:
    caller, patience = request.caller, _patience(request, request.query()[commands.WAIT])
    found = _commands().commands.get(request.resource_id, caller, patience)
    return Response(200, _command(found, caller))


@endpoint.answers(commands.CANCEL)
def _cancel_command(request: Request) -> Response:
    caller = request.caller
    return Response(200, _command(_commands().commands.cancel(request.resource_id, caller), caller))


@endpoint.answers(commands.REPLY)
def _reply(request: Request) -> Response:
    payload, status = read(ReplyRequest, request.json()).answer()
    replied = _commands().commands.reply(
        request.resource_id,
        ReplyContent(payload, failed=status == "failed"),
        request.caller,
        ClientRequest.of(request.headers, request.ip_address),
    )
    document = replied_document(request.resource_id, replied.event)
    return Response(200 if replied.repeated else 202, document)


def _command(found: FoundCommand, caller: Caller) -> Command:
    readers = _inboxes.reader.readers
    shown = tuple(readers.shown(each, caller) for each in found.replies)
    return command_document(replace(found, replies=shown))


def _patience(request: Request, seconds: int) -> Patience:
    return Patience(seconds, _inboxes.waiting.slot(request.caller.service_id, seconds))
