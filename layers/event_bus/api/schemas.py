"""The JSON schemas of what the API answers, for its OpenAPI document."""

from event_bus.api.registration_schemas import REGISTRATION_SCHEMAS
from event_bus.api.schema_parts import (
    COUNT,
    MEASURE,
    NULLABLE_TEXT,
    NULLABLE_TIME,
    TEXT,
    TIME,
    Schema,
    array,
    members,
    nullable,
    or_null,
    page,
    ref,
)

_ACCEPTED = {"id": TEXT, "type": TEXT, "source": TEXT, "timestamp": TIME, "created_at": TIME}

_SUMMARY: dict[str, Schema] = {
    "id": TEXT,
    "type": TEXT,
    "source": TEXT,
    "timestamp": TIME,
    "payload": nullable("object", description="In lists null where it is over 16 KiB."),
    "payload_bytes": COUNT,
    "metadata": ref("EventMetadata"),
    "processed": {"type": "boolean", "description": "Whether the event was routed."},
    "created_at": TIME,
}

_MATCHING_LIMITED: Schema = {
    "type": "boolean",
    "description": "Whether a limit of matching left elements of the event, or filters, out.",
}


_SUMS: dict[str, Schema] = {
    "published": COUNT,
    "delivered": COUNT,
    "failed": {**COUNT, "description": "Attempts that failed."},
    "dead_lettered": COUNT,
    "latency_seconds": {
        **or_null(ref("Latency")),
        "description": "From an event's acceptance to its delivery.",
    },
}

_PROBLEM: dict[str, Schema] = {
    "type": TEXT,
    "title": TEXT,
    "status": {"type": "integer"},
    "detail": TEXT,
}

_FAULTS = {"errors": array(ref("Fault"))}

SCHEMAS: dict[str, Schema] = {
    **REGISTRATION_SCHEMAS,
    "FlowAttempt": members(
        {
            "number": COUNT,
            "at": TIME,
            "duration_ms": COUNT,
            "status_code": nullable("integer"),
            "error": nullable("string", description="In a word; null where it succeeded."),
        }
    ),
    "FlowDelivery": members(
        {
            "subscription_id": TEXT,
            "service_id": TEXT,
            "replay_id": NULLABLE_TEXT,
            "traceparent": nullable("string", description="What the subscriber is given."),
            "status": {"enum": ["pending", "delivered", "retrying", "exhausted", "dropped"]},
            "attempts": array(ref("FlowAttempt")),
            "delivered_at": NULLABLE_TIME,
            "next_retry_at": NULLABLE_TIME,
            "dead_letter_id": NULLABLE_TEXT,
        }
    ),
    "FlowEvent": members(
        {
            "id": TEXT,
            "type": TEXT,
            "source": TEXT,
            "timestamp": TIME,
            "correlation_id": NULLABLE_TEXT,
            "trace_id": NULLABLE_TEXT,
            "traceparent": NULLABLE_TEXT,
            "cause": nullable("string", description="The event of the flow that led to it."),
            "stored_at": TIME,
            "routed_at": NULLABLE_TIME,
            "matching_limited": _MATCHING_LIMITED,
            "deliveries": array(ref("FlowDelivery")),
        }
    ),
    "Latency": members({each: {"type": "number"} for each in ("p50", "p90", "p99", "mean")}),
    "Fault": members(
        {
            "pointer": {
                **TEXT,
                "description": "A JSON pointer into the body, or a parameter's name.",
            },
            "detail": TEXT,
        }
    ),
    "ReplayProgress": members(
        {
            "ratio": {
                "type": "number",
                "minimum": 0,
                "maximum": 1,
                "description": "Which part of the time is behind it.",
            },
            "events_examined": COUNT,
            "deliveries_sent": COUNT,
            "events_unroutable": {
                **COUNT,
                "description": "How many events the replay passed over, since they cannot "
                "be read, matched or sent to all their subscribers. The log names them.",
            },
        }
    ),
    "BatchOutcome": {"oneOf": [ref("AcceptedInBatch"), ref("RefusedInBatch")]},
    "AcceptedInBatch": members({"status": {"enum": [200, 202]}, **_ACCEPTED}),
    "RefusedInBatch": members({"status": {"type": "integer"}, "error": ref("BatchProblem")}),
    "AnalyticsTotals": members(_SUMS),
    "AnalyticsBucket": members({"start": TIME, **_SUMS}),
    "AnalyticsOfType": members({"type": TEXT, **_SUMS}),
    "AnalyticsOfSource": members({"source": TEXT, "published": COUNT}),
    "AnalyticsOfSubscriber": members({"subscriber": TEXT, **_SUMS}),
    "HealthCheck": members(
        {"status": {"enum": ["pass", "warn", "fail"]}, "time": TIME},
        {"observedValue": MEASURE, "observedUnit": TEXT, "output": TEXT},
    ),
    "DeliveredEvent": members(
        {
            "id": TEXT,
            "type": TEXT,
            "source": TEXT,
            "timestamp": TIME,
            "payload": ref("Payload"),
            "metadata": ref("EventMetadata"),
        }
    ),
    "Payload": {"type": "object", "description": "What the publisher sent."},
    "EventMetadata": {
        "type": "object",
        "description": "What the publisher sent beside the payload, and what the bus adds.",
    },
    "AuditDetails": {"type": "object", "description": "The route, the status code and the key."},
    "Accepted": {"oneOf": [ref("AcceptedEvent"), ref("BatchResult")]},
    "AcceptedEvent": members(_ACCEPTED),
    "BatchResult": members(
        {
            "accepted": COUNT,
            "refused": COUNT,
            "results": {
                "type": "array",
                "items": ref("BatchOutcome"),
                "description": "One result for each event, in their order.",
            },
        }
    ),
    "BatchProblem": members(_PROBLEM, _FAULTS),
    "Problem": members({**_PROBLEM, "instance": TEXT, "request_id": TEXT}, _FAULTS),
    "EventSummary": members(_SUMMARY),
    "Event": members(
        {
            **_SUMMARY,
            "matching_limited": _MATCHING_LIMITED,
            "deliveries": {"type": "array", "items": ref("Delivery")},
            "updated_at": TIME,
        }
    ),
    "Delivery": members(
        {
            "subscription_id": TEXT,
            "service_id": TEXT,
            "replay_id": NULLABLE_TEXT,
            "status": {"enum": ["pending", "delivered", "retrying", "exhausted", "dropped"]},
            "attempts": COUNT,
            "last_error": or_null(ref("DeliveryError")),
            "next_retry_at": NULLABLE_TIME,
            "dead_letter_id": NULLABLE_TEXT,
            "delivered_at": NULLABLE_TIME,
        }
    ),
    "DeliveryError": members({"code": TEXT, "message": TEXT, "timestamp": TIME}),
    "Attempt": members(
        {
            "number": COUNT,
            "at": TIME,
            "duration_ms": COUNT,
            "code": NULLABLE_TEXT,
            "message": TEXT,
            "status_code": nullable("integer"),
            "response": {**TEXT, "description": "How the answer began."},
        }
    ),
    "DeadLetter": members(
        {
            "id": TEXT,
            "event_id": TEXT,
            "event_type": TEXT,
            "subscription_id": TEXT,
            "subscriber_id": TEXT,
            "replay_id": NULLABLE_TEXT,
            "status": {"enum": ["retrying", "exhausted", "resolved"]},
            "error": or_null(ref("DeliveryError")),
            "retry_count": COUNT,
            "next_retry_at": NULLABLE_TIME,
            "attempts": array(ref("Attempt")),
            "created_at": TIME,
            "updated_at": TIME,
        }
    ),
    "DeadLetterPage": page("DeadLetter"),
    "BulkRetry": members(
        {
            "retried": COUNT,
            "next_cursor": nullable(
                "string",
                description="Send the same body with it as `cursor` for the rest; null at the end.",
            ),
        }
    ),
    "AuditEntry": members(
        {
            "id": TEXT,
            "timestamp": TIME,
            "action": TEXT,
            "actor": TEXT,
            "resource": NULLABLE_TEXT,
            "resource_type": TEXT,
            "details": ref("AuditDetails"),
            "status": {"enum": ["success", "failure", "denied"]},
            "ip_address": NULLABLE_TEXT,
        }
    ),
    "AuditPage": page("AuditEntry"),
    "Replay": members(
        {
            "id": TEXT,
            "service_id": TEXT,
            "state": {"enum": ["running", "completed", "cancelled"]},
            "event_id": NULLABLE_TEXT,
            "subscription_id": NULLABLE_TEXT,
            "event_types": {"type": ["array", "null"], "items": TEXT},
            "source": NULLABLE_TEXT,
            "from": TIME,
            "to": TIME,
            "rate": {**COUNT, "description": "Deliveries a second at most."},
            "progress": ref("ReplayProgress"),
            "created_at": TIME,
            "updated_at": TIME,
        }
    ),
    "ReplayPage": page("Replay"),
    "FetchedEvents": members(
        {
            "items": array(ref("FetchedEvent")),
            "cursor": {**TEXT, "description": "The place up to which was read."},
            "lease": nullable("string", description="Acknowledge by it the places of `items`."),
            "lease_expires_at": NULLABLE_TIME,
        }
    ),
    "FetchedEvent": members(
        {
            "cursor": TEXT,
            "delivery_id": {**TEXT, "description": "The same where a delivery is repeated."},
            "event": ref("DeliveredEvent"),
        }
    ),
    "StreamToken": members({"token": TEXT, "expires_at": TIME}),
    "EventPage": page("EventSummary"),
    "Analytics": members(
        {
            "granularity": {"enum": ["minute", "hour", "day"]},
            "from": TIME,
            "to": TIME,
            "delay_seconds": COUNT,
            "totals": ref("AnalyticsTotals"),
            "buckets": array(ref("AnalyticsBucket")),
            "types": array(ref("AnalyticsOfType")),
            "sources": array(ref("AnalyticsOfSource")),
            "subscribers": array(ref("AnalyticsOfSubscriber")),
        }
    ),
    "Flow": members(
        {
            "events": array(ref("FlowEvent")),
            "complete": {"type": "boolean", "description": "Whether these are all."},
        }
    ),
    "Health": members(
        {
            "status": {"enum": ["pass", "warn", "fail"]},
            "checks": {
                "type": "object",
                "additionalProperties": ref("HealthCheck"),
            },
        }
    ),
}
"""The schemas by their names."""
