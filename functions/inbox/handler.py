"""Subscribers fetch their events: `/subscriptions/{id}/events`, `/ack` and `/stream`."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from event_bus import clients, times
from event_bus.api.documents import fetched_document
from event_bus.api.endpoint import Request, Response, answer
from event_bus.api.paging import bad_parameter, limit_in, whole_in
from event_bus.errors import Conflict, Unauthenticated
from event_bus.fetching.event_stream import MEDIA_TYPE, event_stream
from event_bus.fetching.reader import InboxReader
from event_bus.model.fetching import Acknowledgement
from event_bus.model.registration import Subscription
from event_bus.model.validation import read
from event_bus.security import stream_tokens
from event_bus.security.ownership import own_subscription
from event_bus.settings import settings
from event_bus.stores.cursors import CursorStore
from event_bus.stores.events import EventStore
from event_bus.stores.inboxes import InboxStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.subscriptions import SubscriptionStore

_LONGEST_WAIT_SECONDS = 20
_LEASE_SECONDS, _LONGEST_LEASE_SECONDS = 30, 900
_TURN_SECONDS = 25

_dynamodb = clients.dynamodb()
_subscriptions = SubscriptionStore(_dynamodb, settings().subscriptions_table)
_inboxes = InboxStore(_dynamodb, settings().inbox_table)
_reader = InboxReader(
    _inboxes,
    CursorStore(_dynamodb, settings().cursors_table, settings().retention_days),
    EventStore(
        _dynamodb, settings().events_table, PayloadStore(clients.s3(), settings().payloads_bucket)
    ),
    ThreadPoolExecutor(8),
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers API Gateway."""
    return answer(
        event,
        {
            "GET /subscriptions/{id}/events": _fetch,
            "POST /subscriptions/{id}/ack": _acknowledge,
            "GET /subscriptions/{id}/stream": _stream,
            "POST /subscriptions/{id}/stream-tokens": _issue_token,
        },
    )


def _fetch(request: Request) -> Response:
    subscription = _inbox_of(request)
    query = request.query("cursor", "limit", "wait", "lease")
    limit, wait = limit_in(query), whole_in(query, "wait", 0, 0, _LONGEST_WAIT_SECONDS)
    if "cursor" in query:
        if "lease" in query:
            raise bad_parameter("lease", "must be left out where a cursor is given")
        fetched, position = _reader.read(
            subscription.id, whole_in(query, "cursor", 0, 0, 10**15), limit, wait
        )
        lease, until = None, None
    else:
        seconds = whole_in(query, "lease", _LEASE_SECONDS, 1, _LONGEST_LEASE_SECONDS)
        taken = _reader.take(subscription.id, limit, wait, seconds)
        fetched, position = taken.fetched, taken.position
        lease, until = taken.lease, taken.lease_until
    document = {
        "items": [fetched_document(each) for each in fetched],
        "cursor": str(position),
        "lease": lease,
        "lease_expires_at": until,
    }
    return Response(200, document)


def _acknowledge(request: Request) -> Response:
    subscription = _inbox_of(request)
    asked = read(Acknowledgement, request.json())
    _reader.acknowledge(subscription.id, asked.lease, int(asked.cursor))
    return Response(204)


def _stream(request: Request) -> Response:
    query = request.query("token", "cursor", "wait")
    subscription = _followed(request, query.get("token"))
    # A browser that comes back says by the header where it was.
    last = request.headers.get("last-event-id") or query.get("cursor")
    position = (
        _inboxes.last(subscription.id)
        if last is None
        else whole_in({"cursor": last}, "cursor", 0, 0, 10**15)
    )
    wait = whole_in(query, "wait", _TURN_SECONDS, 0, _TURN_SECONDS)
    fetched, position = _reader.read(subscription.id, position, 100, wait)
    headers = {"content-type": MEDIA_TYPE, "access-control-allow-origin": "*"}
    return Response(200, text=event_stream(fetched, position), headers=headers)


def _issue_token(request: Request) -> Response:
    subscription = _inbox_of(request)
    token, until = stream_tokens.issue(subscription.id, subscription.signing_secret)
    return Response(201, {"token": token, "expires_at": times.at(until)})


def _followed(request: Request, token: str | None) -> Subscription:
    if token is None:
        return _inbox_of(request)
    subscription = _subscriptions.get(request.resource_id)
    if subscription is None or not stream_tokens.is_good(
        token, subscription.id, subscription.signing_secret
    ):
        raise Unauthenticated("The token is not for this subscription, or its time is over.")
    return subscription


def _inbox_of(request: Request) -> Subscription:
    subscription = own_subscription(_subscriptions.get, request.resource_id, request.caller)
    if subscription.target.lane != "inbox":
        raise Conflict("The subscription has another target than an inbox.")
    return subscription
