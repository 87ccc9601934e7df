"""What the OpenAPI document says of each operation."""

from dataclasses import dataclass
from typing import Any

from event_bus.api.described_parameters import (
    FORMAT,
    IF_NONE_MATCH,
    LAST_EVENT_ID,
    LIMIT,
    PAGING,
    TURN,
    query,
    whole,
)
from event_bus.api.schema_parts import Schema, ref
from event_bus.model.fetching import (
    LEASE_SECONDS,
    MAX_LEASE_SECONDS,
    MAX_WAIT_SECONDS,
    TURN_SECONDS,
)
from event_bus.publishing.intake import MAX_BATCH
from event_bus.recovery.dead_letters import MAX_BULK


@dataclass(frozen=True, slots=True)
class Described:
    """What the document says of an operation."""

    name: str
    summary: str
    answers: dict[int, str | None]
    body: Schema | None = None
    query: tuple[dict[str, Any], ...] = ()
    headers: tuple[dict[str, Any], ...] = ()
    refusals: tuple[int, ...] = ()
    body_required: bool = True


def _key_operations(who: str) -> dict[str, Described]:
    path, title = f"/{who}s/{{id}}/keys", who.title()
    return {
        f"POST {path}": Described(
            f"make{title}Key",
            f"Make a further key of a {who}, within the limits of the key that was sent; the "
            "answer shows it, once.",
            {201: "CreatedKey"},
            body=ref("KeyRequest"),
            refusals=(404, 409),
            body_required=False,
        ),
        f"GET {path}": Described(
            f"list{title}Keys",
            f"List the keys of a {who}, the oldest first.",
            {200: "KeyList"},
            refusals=(404,),
        ),
        f"DELETE {path}/{{key_id}}": Described(
            f"revoke{title}Key",
            "Revoke a key; within half a minute nothing takes it any more.",
            {204: None},
            refusals=(404, 409),
        ),
        f"POST {path}/{{key_id}}/rotate": Described(
            f"rotate{title}Key",
            "Replace a key, once, by one that permits the same; both are good during the overlap.",
            {201: "CreatedKey"},
            body=ref("RotationRequest"),
            refusals=(404, 409),
            body_required=False,
        ),
    }


OPERATIONS: dict[str, Described] = {
    "POST /events": Described(
        "publishEvents",
        f"Publish an event, or up to {MAX_BATCH} in an array; each is judged on its own.",
        {
            200: "AcceptedEvent",
            202: "Accepted",
            207: "BatchResult",
        },
        body=ref("Publication"),
        refusals=(409,),
    ),
    "GET /events": Described(
        "listEvents",
        "List the events that the key may see.",
        {200: "EventPage"},
        query=(
            query("type", "An event type, or a pattern such as `task.*`.", minLength=1),
            query("source", "The publishing service.", minLength=1),
            query("correlation_id", "The correlation id.", minLength=1),
            query("trace_id", "The trace id.", minLength=1),
            query("from", "The first timestamp, included.", format="date-time"),
            query("to", "The last timestamp, excluded.", format="date-time"),
            query("processed", "Whether the event was routed.", enum=["true", "false"]),
            query("order", "Which come first.", enum=["newest", "oldest"], default="newest"),
            *PAGING,
        ),
    ),
    "GET /events/{id}": Described(
        "getEvent", "One event, with its deliveries.", {200: "Event"}, refusals=(404,)
    ),
    "GET /events/{id}/trace": Described(
        "traceEvent",
        "What led to an event, what it led to, and what became of each.",
        {200: "Flow"},
        query=(FORMAT,),
        refusals=(404,),
    ),
    "GET /traces": Described(
        "getTrace",
        "The events of a correlation id, or of a trace, and what became of each.",
        {200: "Flow"},
        query=(
            query("correlation_id", "The correlation id; either this or `trace_id`."),
            query("trace_id", "The trace id."),
            FORMAT,
        ),
    ),
    "POST /events/{id}/replay": Described(
        "replayEvent",
        "Deliver an event again, to all that match it now or to one subscription.",
        {202: "Replay"},
        body=ref("EventReplayRequest"),
        refusals=(404, 409),
        body_required=False,
    ),
    "POST /replays": Described(
        "startReplay",
        "Deliver the events of a stretch of time again.",
        {202: "Replay"},
        body=ref("ReplayRequest"),
        refusals=(404, 409),
    ),
    "GET /replays": Described(
        "listReplays", "List replays, newest first.", {200: "ReplayPage"}, query=PAGING
    ),
    "GET /replays/{id}": Described(
        "getReplay", "One replay, with its progress.", {200: "Replay"}, refusals=(404,)
    ),
    "DELETE /replays/{id}": Described(
        "cancelReplay", "Cancel a replay.", {200: "Replay"}, refusals=(404, 409)
    ),
    "GET /dead-letters": Described(
        "listDeadLetters",
        "List dead letters, newest first: all for an admin, its own for a service.",
        {200: "DeadLetterPage"},
        query=(
            query("event_id", "The event.", minLength=1),
            query("subscription_id", "The subscription.", minLength=1),
            query("subscriber_id", "The service that the subscription belongs to.", minLength=1),
            query("event_type", "The event's type, or a pattern such as `task.*`.", minLength=1),
            query("error_code", "The code of the last error.", minLength=1),
            query("status", "Where it stands.", enum=["retrying", "exhausted", "resolved"]),
            query("from", "The first `created_at`, included.", format="date-time"),
            query("to", "The last `created_at`, excluded.", format="date-time"),
            *PAGING,
        ),
    ),
    "POST /dead-letters/retry": Described(
        "retryDeadLetters",
        f"Try the dead letters of a filter anew, up to {MAX_BULK} a request.",
        {202: "BulkRetry"},
        body=ref("BulkRetryRequest"),
    ),
    "GET /dead-letters/{id}": Described(
        "getDeadLetter", "One dead letter, with its attempts.", {200: "DeadLetter"}, refusals=(404,)
    ),
    "POST /dead-letters/{id}/retry": Described(
        "retryDeadLetter", "Try a dead letter anew.", {202: "DeadLetter"}, refusals=(404, 409)
    ),
    "DELETE /dead-letters/{id}": Described(
        "discardDeadLetter", "Discard a dead letter.", {204: None}, refusals=(404, 409)
    ),
    "POST /publishers": Described(
        "registerPublisher",
        "Register a publisher (admin).",
        {201: "CreatedPublisher"},
        body=ref("PublisherRegistration"),
        refusals=(409,),
    ),
    "GET /publishers": Described(
        "listPublishers",
        "List publishers: all for an admin, itself for a service.",
        {200: "PublisherPage"},
        query=PAGING,
    ),
    "GET /publishers/{id}": Described(
        "getPublisher", "One publisher, by its service.", {200: "Publisher"}, refusals=(404,)
    ),
    "PATCH /publishers/{id}": Described(
        "changePublisher",
        "Change the members that are named; `sensitive` and `restricted` are replaced as a whole.",
        {200: "Publisher"},
        body=ref("PublisherChange"),
        refusals=(404, 409),
    ),
    "DELETE /publishers/{id}": Described(
        "removePublisher",
        "Remove a publisher (admin); without subscriptions the service is gone, and its keys.",
        {204: None},
        refusals=(404, 409),
    ),
    **_key_operations("publisher"),
    "GET /subscribers": Described(
        "listSubscribers",
        "List the services to which types are given: all for an admin, itself for a service.",
        {200: "SubscriberPage"},
        query=PAGING,
    ),
    "GET /subscribers/{id}": Described(
        "getSubscriber",
        "The types that a service may receive, where any are given to it.",
        {200: "Subscriber"},
        refusals=(404,),
    ),
    "PUT /subscribers/{id}": Described(
        "putSubscriber",
        "Give a service the types that it may receive, in place of those before (admin).",
        {200: "Subscriber", 201: "Subscriber"},
        body=ref("SubscriberRequest"),
    ),
    "DELETE /subscribers/{id}": Described(
        "removeSubscriber",
        "Take away the types that were given to a service, so that the default holds (admin).",
        {204: None},
        refusals=(404,),
    ),
    **_key_operations("subscriber"),
    "POST /subscriptions": Described(
        "registerSubscription",
        "Register a subscription; the answer shows its signing secret, once.",
        {201: "CreatedSubscription"},
        body=ref("SubscriptionRegistration"),
        refusals=(409,),
    ),
    "GET /subscriptions": Described(
        "listSubscriptions",
        "List subscriptions, oldest first: all for an admin, its own for a service.",
        {200: "SubscriptionPage"},
        query=(
            query("service_id", "The service that they belong to.", minLength=1),
            query("event_type", "An event type that they receive.", minLength=1),
            query("status", "Their status.", enum=["active", "disabled"]),
            *PAGING,
        ),
    ),
    "GET /subscriptions/{id}": Described(
        "getSubscription", "One subscription.", {200: "Subscription"}, refusals=(404,)
    ),
    "PUT /subscriptions/{id}": Described(
        "putSubscription",
        "Register a subscription under an identifier of your choice, or replace one as a whole.",
        {200: "Subscription", 201: "CreatedSubscription"},
        body=ref("SubscriptionRegistration"),
        headers=(IF_NONE_MATCH,),
        refusals=(404, 409, 412),
    ),
    "PATCH /subscriptions/{id}": Described(
        "changeSubscription",
        "Change the members that are named; filters are replaced as a whole.",
        {200: "Subscription"},
        body=ref("SubscriptionChange"),
        refusals=(404, 409),
    ),
    "DELETE /subscriptions/{id}": Described(
        "removeSubscription", "Remove a subscription.", {204: None}, refusals=(404, 409)
    ),
    "POST /subscriptions/{id}/secret/rotate": Described(
        "rotateSigningSecret",
        "Replace the signing secret by a new one; both sign during the overlap.",
        {200: "RotatedSecret"},
        body=ref("RotationRequest"),
        refusals=(404, 409),
        body_required=False,
    ),
    "GET /subscriptions/{id}/events": Described(
        "fetchEvents",
        "Take what is next in an inbox, to acknowledge it; or read what is behind a cursor.",
        {200: "FetchedEvents"},
        query=(
            query(
                "cursor",
                "Read behind this place, as often as wanted; not beyond the end of the inbox.",
                pattern="^[0-9]{1,15}$",
            ),
            LIMIT,
            whole("wait", "How many seconds to wait for the first event.", 0, 0, MAX_WAIT_SECONDS),
            whole(
                "lease",
                "How many seconds from the answer on nobody else may take the events.",
                LEASE_SECONDS,
                1,
                MAX_LEASE_SECONDS,
            ),
        ),
        refusals=(404, 409),
    ),
    "POST /subscriptions/{id}/ack": Described(
        "acknowledgeEvents",
        "Acknowledge what a lease covers, up to a place; the rest stays leased until it ends.",
        {204: None},
        body=ref("Acknowledgement"),
        refusals=(404, 409),
    ),
    "GET /subscriptions/{id}/stream": Described(
        "streamEvents",
        f"Follow an inbox as Server-Sent Events, in turns of up to {TURN_SECONDS} seconds.",
        {200: "EventStream"},
        query=(
            *TURN,
            query(
                "cursor",
                "Where to begin without Last-Event-ID. Beyond the end of the inbox the stream "
                "sends `eventbus.stream.reset` and begins now.",
                pattern="^[0-9]{1,15}$",
            ),
        ),
        refusals=(404, 409),
        headers=(LAST_EVENT_ID,),
    ),
    "POST /subscriptions/{id}/stream-tokens": Described(
        "createStreamToken",
        "Make a token by which a browser follows the inbox for an hour.",
        {201: "StreamToken"},
        refusals=(404, 409),
    ),
    "GET /stream": Described(
        "listen",
        "Listen to event types as Server-Sent Events, without a subscription of one's own.",
        {200: "EventStream"},
        query=(
            {
                **query("types", "Event types or patterns, with commas between.", minLength=1),
                "required": True,
            },
            *TURN,
            query("cursor", "The last id, where Last-Event-ID is not sent.", minLength=1),
        ),
        headers=(LAST_EVENT_ID,),
        refusals=(409,),
    ),
    "POST /stream-tokens": Described(
        "createListenerToken",
        "Make a token by which a browser listens in the service's name for an hour.",
        {201: "StreamToken"},
    ),
    "GET /audit-log": Described(
        "listAuditLog",
        "What was done on the bus, the newest first (admin).",
        {200: "AuditPage"},
        query=(
            query("action", "What was done, such as `publisher.create`.", minLength=1),
            query("actor", "The service that did it, `admin` or `anonymous`.", minLength=1),
            query("resource", "The identifier of what it was done to.", minLength=1),
            query("resource_type", "What that is, such as `subscription`.", minLength=1),
            query("status", "How it ended.", enum=["success", "failure", "denied"]),
            query("from", "The first timestamp, included.", format="date-time"),
            query("to", "The last timestamp, excluded.", format="date-time"),
            *PAGING,
        ),
    ),
    "GET /metrics": Described(
        "getMetrics", "What happened and how things stand, for Prometheus.", {200: "Exposition"}
    ),
    "GET /analytics": Described(
        "getAnalytics",
        "What happened over time: by minutes, hours or days, types, sources and subscribers.",
        {200: "Analytics"},
        query=(
            query(
                "granularity",
                "What each bucket is.",
                enum=["minute", "hour", "day"],
                default="hour",
            ),
            query("from", "RFC 3339; by default an hour, a day or 30 days before `to`."),
            query("to", "RFC 3339; by default now."),
            query("type", "A type, or a type pattern."),
            query("source", "A publisher; what was delivered is left out then."),
            query("subscriber", "A subscriber; what was published is left out then."),
        ),
    ),
    "GET /health/live": Described("isLive", "Whether the API answers.", {200: "Health"}),
    "GET /health/ready": Described(
        "isReady", "Whether all that the bus stands on answers.", {200: "Health", 503: "Health"}
    ),
    "GET /health/broker": Described(
        "isBrokerHealthy", "Whether the queues answer.", {200: "Health", 503: "Health"}
    ),
    "GET /health/database": Described(
        "isDatabaseHealthy", "Whether the tables answer.", {200: "Health", 503: "Health"}
    ),
    "GET /openapi.json": Described("describe", "This document.", {200: "Document"}),
}
"""The operations by the keys of their routes."""
