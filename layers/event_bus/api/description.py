"""Makes the OpenAPI document of the API: `python -m event_bus.api.description`.

The routes come from the table that the API stack deploys, the requests from the models that read
them; a test keeps the document that is served equal to what this makes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from event_bus.api.body import MAX_BODY_BYTES
from event_bus.api.diagram import MERMAID
from event_bus.api.paging import DEFAULT_LIMIT, MAX_LIMIT
from event_bus.api.routes import ROUTES, Route
from event_bus.api.schemas import SCHEMAS, Schema, ref
from event_bus.fetching.event_stream import MEDIA_TYPE
from event_bus.model.credentials import KeyRequest, RotationRequest
from event_bus.model.event import EventSubmission
from event_bus.model.fetching import (
    LEASE_SECONDS,
    MAX_LEASE_SECONDS,
    MAX_WAIT_SECONDS,
    TURN_SECONDS,
    Acknowledgement,
)
from event_bus.model.registration import (
    PublisherChange,
    PublisherRegistration,
    SubscriptionChange,
    SubscriptionRegistration,
)
from event_bus.model.replay import EventReplayRequest, ReplayRequest
from event_bus.publishing.intake import MAX_BATCH
from event_bus.recovery.dead_letters import MAX_BULK, BulkRetryRequest

DOCUMENT = Path(__file__).with_name("openapi.json")

REQUESTS: tuple[type[BaseModel], ...] = (
    EventSubmission,
    PublisherChange,
    PublisherRegistration,
    KeyRequest,
    RotationRequest,
    SubscriptionRegistration,
    SubscriptionChange,
    EventReplayRequest,
    ReplayRequest,
    BulkRetryRequest,
    Acknowledgement,
)


@dataclass(frozen=True, slots=True)
class _Operation:
    """What the document says of an operation."""

    name: str
    summary: str
    answers: dict[int, str | None]
    body: Schema | None = None
    query: tuple[dict[str, Any], ...] = ()
    refusals: tuple[int, ...] = ()
    body_required: bool = True


def _query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {"type": "string", **schema},
    }


def _whole(name: str, description: str, default: int, least: int, most: int) -> dict[str, Any]:
    return _query(name, description, type="integer", minimum=least, maximum=most, default=default)


_LIMIT = _whole("limit", "How many results an answer holds.", DEFAULT_LIMIT, 1, MAX_LIMIT)
_PAGING = (
    _LIMIT,
    _query("cursor", "`next_cursor` of the page before, with the same filters and key."),
)

_FORMAT = _query(
    "format",
    "JSON, or a diagram of Mermaid as text.",
    enum=["json", "mermaid"],
    default="json",
)

_TURN = (
    _query("token", "A token, for a browser that cannot send a key.", minLength=1),
    _whole(
        "wait",
        "How many seconds a turn waits for the first event.",
        TURN_SECONDS,
        0,
        TURN_SECONDS,
    ),
)


def _key_operations(who: str) -> dict[str, _Operation]:
    path, title = f"/{who}s/{{id}}/keys", who.title()
    return {
        f"POST {path}": _Operation(
            f"make{title}Key",
            f"Make a further key of a {who}; the answer shows it, once.",
            {201: "CreatedKey"},
            body=ref("KeyRequest"),
            refusals=(404, 409),
            body_required=False,
        ),
        f"GET {path}": _Operation(
            f"list{title}Keys",
            f"List the keys of a {who}, the oldest first.",
            {200: "KeyList"},
            refusals=(404,),
        ),
        f"DELETE {path}/{{key_id}}": _Operation(
            f"revoke{title}Key",
            "Revoke a key; within half a minute nothing takes it any more.",
            {204: None},
            refusals=(404,),
        ),
        f"POST {path}/{{key_id}}/rotate": _Operation(
            f"rotate{title}Key",
            "Replace a key by a new one; both are good during the overlap.",
            {201: "CreatedKey"},
            body=ref("RotationRequest"),
            refusals=(404, 409),
            body_required=False,
        ),
    }


_OPERATIONS: dict[str, _Operation] = {
    "POST /events": _Operation(
        "publishEvents",
        f"Publish an event, or up to {MAX_BATCH} in an array; each is judged on its own.",
        {
            200: "AcceptedEvent",
            202: "Accepted",
            207: "BatchResult",
        },
        body={
            "oneOf": [
                ref("EventSubmission"),
                {
                    "type": "array",
                    "items": ref("EventSubmission"),
                    "minItems": 1,
                    "maxItems": MAX_BATCH,
                },
            ]
        },
        refusals=(409,),
    ),
    "GET /events": _Operation(
        "listEvents",
        "List the events that the key may see.",
        {200: "EventPage"},
        query=(
            _query("type", "An event type, or a pattern such as `task.*`.", minLength=1),
            _query("source", "The publishing service.", minLength=1),
            _query("correlation_id", "The correlation id.", minLength=1),
            _query("trace_id", "The trace id.", minLength=1),
            _query("from", "The first timestamp, included.", format="date-time"),
            _query("to", "The last timestamp, excluded.", format="date-time"),
            _query("processed", "Whether the event was routed.", enum=["true", "false"]),
            _query("order", "Which come first.", enum=["newest", "oldest"], default="newest"),
            *_PAGING,
        ),
    ),
    "GET /events/{id}": _Operation(
        "getEvent", "One event, with its deliveries.", {200: "Event"}, refusals=(404,)
    ),
    "GET /events/{id}/trace": _Operation(
        "traceEvent",
        "What led to an event, what it led to, and what became of each.",
        {200: "Flow"},
        query=(_FORMAT,),
        refusals=(404,),
    ),
    "GET /traces": _Operation(
        "getTrace",
        "The events of a correlation id, or of a trace, and what became of each.",
        {200: "Flow"},
        query=(
            _query("correlation_id", "The correlation id; either this or `trace_id`."),
            _query("trace_id", "The trace id."),
            _FORMAT,
        ),
    ),
    "POST /events/{id}/replay": _Operation(
        "replayEvent",
        "Deliver an event again, to all that match it now or to one subscription.",
        {202: "Replay"},
        body=ref("EventReplayRequest"),
        refusals=(404, 409),
        body_required=False,
    ),
    "POST /replays": _Operation(
        "startReplay",
        "Deliver the events of a stretch of time again.",
        {202: "Replay"},
        body=ref("ReplayRequest"),
        refusals=(404, 409),
    ),
    "GET /replays": _Operation(
        "listReplays", "List replays, newest first.", {200: "ReplayPage"}, query=_PAGING
    ),
    "GET /replays/{id}": _Operation(
        "getReplay", "One replay, with its progress.", {200: "Replay"}, refusals=(404,)
    ),
    "DELETE /replays/{id}": _Operation(
        "cancelReplay", "Cancel a replay.", {200: "Replay"}, refusals=(404, 409)
    ),
    "GET /dead-letters": _Operation(
        "listDeadLetters",
        "List dead letters, newest first: all for an admin, its own for a service.",
        {200: "DeadLetterPage"},
        query=(
            _query("event_id", "The event.", minLength=1),
            _query("subscription_id", "The subscription.", minLength=1),
            _query("subscriber_id", "The service that the subscription belongs to.", minLength=1),
            _query("event_type", "The event's type, or a pattern such as `task.*`.", minLength=1),
            _query("error_code", "The code of the last error.", minLength=1),
            _query("status", "Where it stands.", enum=["retrying", "exhausted", "resolved"]),
            _query("from", "The first `created_at`, included.", format="date-time"),
            _query("to", "The last `created_at`, excluded.", format="date-time"),
            *_PAGING,
        ),
    ),
    "POST /dead-letters/retry": _Operation(
        "retryDeadLetters",
        f"Try the dead letters of a filter anew, up to {MAX_BULK} a request.",
        {202: "BulkRetry"},
        body=ref("BulkRetryRequest"),
    ),
    "GET /dead-letters/{id}": _Operation(
        "getDeadLetter", "One dead letter, with its attempts.", {200: "DeadLetter"}, refusals=(404,)
    ),
    "POST /dead-letters/{id}/retry": _Operation(
        "retryDeadLetter", "Try a dead letter anew.", {202: "DeadLetter"}, refusals=(404, 409)
    ),
    "DELETE /dead-letters/{id}": _Operation(
        "discardDeadLetter", "Discard a dead letter.", {204: None}, refusals=(404, 409)
    ),
    "POST /publishers": _Operation(
        "registerPublisher",
        "Register a publisher (admin).",
        {201: "CreatedPublisher"},
        body=ref("PublisherRegistration"),
        refusals=(409,),
    ),
    "GET /publishers": _Operation(
        "listPublishers",
        "List publishers: all for an admin, itself for a service.",
        {200: "PublisherPage"},
        query=_PAGING,
    ),
    "GET /publishers/{id}": _Operation(
        "getPublisher", "One publisher, by its service.", {200: "Publisher"}, refusals=(404,)
    ),
    "PATCH /publishers/{id}": _Operation(
        "changePublisher",
        "Change the members that are named; what is sensitive is replaced as a whole.",
        {200: "Publisher"},
        body=ref("PublisherChange"),
        refusals=(404, 409),
    ),
    "DELETE /publishers/{id}": _Operation(
        "removePublisher",
        "Remove a publisher (admin), and its keys unless subscriptions need them.",
        {204: None},
        refusals=(404, 409),
    ),
    **_key_operations("publisher"),
    **_key_operations("subscriber"),
    "POST /subscriptions": _Operation(
        "registerSubscription",
        "Register a subscription; the answer shows its signing secret, once.",
        {201: "CreatedSubscription"},
        body=ref("SubscriptionRegistration"),
        refusals=(409,),
    ),
    "GET /subscriptions": _Operation(
        "listSubscriptions",
        "List subscriptions, oldest first: all for an admin, its own for a service.",
        {200: "SubscriptionPage"},
        query=(
            _query("service_id", "The service that they belong to.", minLength=1),
            _query("event_type", "An event type that they receive.", minLength=1),
            _query("status", "Their status.", enum=["active", "disabled"]),
            *_PAGING,
        ),
    ),
    "GET /subscriptions/{id}": _Operation(
        "getSubscription", "One subscription.", {200: "Subscription"}, refusals=(404,)
    ),
    "PATCH /subscriptions/{id}": _Operation(
        "changeSubscription",
        "Change the members that are named; filters are replaced as a whole.",
        {200: "Subscription"},
        body=ref("SubscriptionChange"),
        refusals=(404, 409),
    ),
    "DELETE /subscriptions/{id}": _Operation(
        "removeSubscription", "Remove a subscription.", {204: None}, refusals=(404, 409)
    ),
    "POST /subscriptions/{id}/secret/rotate": _Operation(
        "rotateSigningSecret",
        "Replace the signing secret by a new one; both sign during the overlap.",
        {200: "RotatedSecret"},
        body=ref("RotationRequest"),
        refusals=(404, 409),
        body_required=False,
    ),
    "GET /subscriptions/{id}/events": _Operation(
        "fetchEvents",
        "Take what is next in an inbox, to acknowledge it; or read what is behind a cursor.",
        {200: "FetchedEvents"},
        query=(
            _query(
                "cursor",
                "Read behind this place, as often as wanted; not beyond the end of the inbox.",
                pattern="^[0-9]{1,15}$",
            ),
            _LIMIT,
            _whole("wait", "How many seconds to wait for the first event.", 0, 0, MAX_WAIT_SECONDS),
            _whole(
                "lease",
                "How many seconds from the answer on nobody else may take the events.",
                LEASE_SECONDS,
                1,
                MAX_LEASE_SECONDS,
            ),
        ),
        refusals=(404, 409),
    ),
    "POST /subscriptions/{id}/ack": _Operation(
        "acknowledgeEvents",
        "Acknowledge what a lease covers, up to a place; the rest stays leased until it ends.",
        {204: None},
        body=ref("Acknowledgement"),
        refusals=(404, 409),
    ),
    "GET /subscriptions/{id}/stream": _Operation(
        "streamEvents",
        f"Follow an inbox as Server-Sent Events, in turns of up to {TURN_SECONDS} seconds.",
        {200: "EventStream"},
        query=(
            *_TURN,
            _query(
                "cursor",
                "Where to begin without Last-Event-ID. Beyond the end of the inbox the stream "
                "sends `eventbus.stream.reset` and begins now.",
                pattern="^[0-9]{1,15}$",
            ),
        ),
        refusals=(404, 409),
    ),
    "POST /subscriptions/{id}/stream-tokens": _Operation(
        "createStreamToken",
        "Make a token by which a browser follows the inbox for an hour.",
        {201: "StreamToken"},
        refusals=(404, 409),
    ),
    "GET /stream": _Operation(
        "listen",
        "Listen to event types as Server-Sent Events, without a subscription of one's own.",
        {200: "EventStream"},
        query=(
            {
                **_query("types", "Event types or patterns, with commas between.", minLength=1),
                "required": True,
            },
            *_TURN,
            _query("cursor", "The last id, where Last-Event-ID is not sent.", minLength=1),
        ),
    ),
    "POST /stream-tokens": _Operation(
        "createListenerToken",
        "Make a token by which a browser listens in the service's name for an hour.",
        {201: "StreamToken"},
    ),
    "GET /audit-log": _Operation(
        "listAuditLog",
        "What was done on the bus, the newest first (admin).",
        {200: "AuditPage"},
        query=(
            _query("action", "What was done, such as `publisher.create`.", minLength=1),
            _query("actor", "The service that did it, `admin` or `anonymous`.", minLength=1),
            _query("resource", "The identifier of what it was done to.", minLength=1),
            _query("resource_type", "What that is, such as `subscription`.", minLength=1),
            _query("status", "How it ended.", enum=["success", "failure", "denied"]),
            _query("from", "The first timestamp, included.", format="date-time"),
            _query("to", "The last timestamp, excluded.", format="date-time"),
            *_PAGING,
        ),
    ),
    "GET /metrics": _Operation(
        "getMetrics", "What happened and how things stand, for Prometheus.", {200: "Exposition"}
    ),
    "GET /analytics": _Operation(
        "getAnalytics",
        "What happened over time: by minutes, hours or days, types, sources and subscribers.",
        {200: "Analytics"},
        query=(
            _query(
                "granularity",
                "What each bucket is.",
                enum=["minute", "hour", "day"],
                default="hour",
            ),
            _query("from", "RFC 3339; by default an hour, a day or 30 days before `to`."),
            _query("to", "RFC 3339; by default now."),
            _query("type", "A type, or a type pattern."),
            _query("source", "A publisher; what was delivered is left out then."),
            _query("subscriber", "A subscriber; what was published is left out then."),
        ),
    ),
    "GET /health/live": _Operation("isLive", "Whether the API answers.", {200: "Health"}),
    "GET /health/ready": _Operation(
        "isReady", "Whether all that the bus stands on answers.", {200: "Health", 503: "Health"}
    ),
    "GET /health/broker": _Operation(
        "isBrokerHealthy", "Whether the queues answer.", {200: "Health", 503: "Health"}
    ),
    "GET /health/database": _Operation(
        "isDatabaseHealthy", "Whether the tables answer.", {200: "Health", 503: "Health"}
    ),
    "GET /openapi.json": _Operation("describe", "This document.", {200: "Document"}),
}

_ANSWERS: dict[int, str] = {
    200: "Done.",
    201: "Created.",
    202: "Accepted.",
    204: "Done; there is nothing to show.",
    207: "Some events of the batch were refused.",
    503: "A check failed.",
}

_REFUSALS: dict[int, str] = {
    400: "The request cannot be read.",
    401: "The API key is missing or not valid.",
    403: "The key does not permit this.",
    404: "There is none, or none that the key may see.",
    409: "It conflicts with what is stored.",
    413: f"The body is over {MAX_BODY_BYTES} bytes, or a payload over its limit.",
    415: "The body is not JSON.",
    422: "A member of the body is not what it must be.",
    429: "The key makes too many requests; `Retry-After` says when to come again.",
}

_SPECIAL: dict[str, Schema] = {
    "Accepted": {"oneOf": [ref("AcceptedEvent"), ref("BatchResult")]},
    "Document": {"type": "object"},
}

_OTHERWISE: dict[str, dict[str, Schema]] = {
    "EventStream": {MEDIA_TYPE: {"type": "string"}},
    "Exposition": {"text/plain": {"type": "string"}},
    "Flow": {"application/json": ref("Flow"), MERMAID: {"type": "string"}},
}
"""What is not answered as JSON, or not as JSON alone, by media type."""


def describe() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in REQUESTS],
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Event Bus Service",
            "version": "0.1.0",
            "description": "Publish events, subscribe to them, read them back, and replay them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "./"}],
        "security": [{"apiKey": []}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted({**schemas["$defs"], **SCHEMAS}.items())),
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation = _OPERATIONS[route.key]
    health = "Health" in operation.answers.values()
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": {
            str(status): _answer(_ANSWERS[status], schema, health=health)
            for status, schema in operation.answers.items()
        },
    }
    parameters = list(operation.query)
    parameters += [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in ("id", "key_id")
        if f"{{{name}}}" in route.path
    ]
    if parameters:
        described["parameters"] = parameters
    if operation.body:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": {"schema": operation.body}},
        }
    if route.public:
        described["security"] = []
    else:
        described["x-scope"] = "admin" if route.admin else route.scope
    for status in _refusals(route, operation):
        described["responses"][str(status)] = {
            "description": _REFUSALS[status],
            "content": {"application/problem+json": {"schema": ref("Problem")}},
        }
    return described


def _refusals(route: Route, operation: _Operation) -> list[int]:
    statuses = set(operation.refusals)
    if not route.public:
        statuses |= {401, 403, 429}
    if operation.query:
        statuses.add(400)
    if operation.body:
        statuses |= {400, 413, 415, 422}
    return sorted(statuses)


def _answer(description: str, schema: str | None, *, health: bool) -> dict[str, Any]:
    if schema is None:
        return {"description": description}
    media_type = "application/health+json" if health else "application/json"
    content = _OTHERWISE.get(schema, {media_type: _SPECIAL.get(schema) or ref(schema)})
    return {
        "description": description,
        "content": {each: {"schema": described} for each, described in content.items()},
    }


def main() -> None:
    """Writes the document to where it is served from."""
    document = orjson.dumps(describe(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    DOCUMENT.write_bytes(document)


if __name__ == "__main__":
    main()
