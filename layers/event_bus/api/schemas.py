"""The JSON schemas of what the API answers, for its OpenAPI document."""

from typing import Any

from event_bus.security.scopes import SCOPES

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": sorted(required),
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _nullable(kind: str, **more: Any) -> Schema:
    return {"type": [kind, "null"], **more}


def _page(of: str) -> Schema:
    return _object(
        {
            "items": _list(ref(of)),
            "next_cursor": _nullable(
                "string",
                description="Ask for the next page with it; null at the end. A page may be short, "
                "even empty, and not the last.",
            ),
        }
    )


_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FIGURE: Schema = {"type": "number", "minimum": 0}
_TIME: Schema = {
    "type": "string",
    "format": "date-time",
    "description": "RFC 3339, UTC, with milliseconds.",
}
_NULLABLE_TIME: Schema = {"anyOf": [_TIME, {"type": "null"}]}
_NULLABLE_TEXT = _nullable("string")
_PATTERNS = _list(_TEXT)

_ACCEPTED = {"id": _TEXT, "type": _TEXT, "source": _TEXT, "timestamp": _TIME, "created_at": _TIME}

_SUMMARY: dict[str, Schema] = {
    "id": _TEXT,
    "type": _TEXT,
    "source": _TEXT,
    "timestamp": _TIME,
    "payload": _nullable("object", description="In lists null where it is over 16 KiB."),
    "payload_bytes": _COUNT,
    "metadata": {"type": "object"},
    "processed": {"type": "boolean", "description": "Whether the event was routed."},
    "created_at": _TIME,
}

_MATCHING_LIMITED: Schema = {
    "type": "boolean",
    "description": "Whether a limit of matching left elements of the event, or filters, out.",
}

_FLOW_ATTEMPT = _object(
    {
        "number": _COUNT,
        "at": _TIME,
        "duration_ms": _COUNT,
        "status_code": _nullable("integer"),
        "error": _nullable("string", description="In a word; null where it succeeded."),
    }
)

_FLOW_DELIVERY = _object(
    {
        "subscription_id": _TEXT,
        "service_id": _TEXT,
        "replay_id": _NULLABLE_TEXT,
        "traceparent": _nullable("string", description="What the subscriber is given."),
        "status": {"enum": ["pending", "delivered", "retrying", "exhausted", "dropped"]},
        "attempts": _list(_FLOW_ATTEMPT),
        "delivered_at": _NULLABLE_TIME,
        "next_retry_at": _NULLABLE_TIME,
        "dead_letter_id": _NULLABLE_TEXT,
    }
)

_FLOW_EVENT = _object(
    {
        "id": _TEXT,
        "type": _TEXT,
        "source": _TEXT,
        "timestamp": _TIME,
        "correlation_id": _NULLABLE_TEXT,
        "trace_id": _NULLABLE_TEXT,
        "traceparent": _NULLABLE_TEXT,
        "cause": _nullable("string", description="The event of the flow that led to it."),
        "stored_at": _TIME,
        "routed_at": _NULLABLE_TIME,
        "matching_limited": _MATCHING_LIMITED,
        "deliveries": _list(_FLOW_DELIVERY),
    }
)

_SUMS: dict[str, Schema] = {
    "published": _COUNT,
    "delivered": _COUNT,
    "failed": {**_COUNT, "description": "Attempts that failed."},
    "dead_lettered": _COUNT,
    "latency_seconds": {
        "anyOf": [
            _object({each: {"type": "number"} for each in ("p50", "p90", "p99", "mean")}),
            {"type": "null"},
        ],
        "description": "From an event's acceptance to its delivery.",
    },
}

_AUTHENTICATION = _object(
    {
        "type": {"const": "api_key"},
        "api_key": {**_TEXT, "description": "The generated key; it is not shown again."},
    }
)

_KEY: dict[str, Schema] = {
    "id": _TEXT,
    "service_id": _TEXT,
    "type": {"enum": ["api_key", "mtls", "iam"]},
    "stands_for": _nullable(
        "string", description="A certificate's subject, or the ARN of a role or user of IAM."
    ),
    "name": _NULLABLE_TEXT,
    "scopes": _list({"enum": list(SCOPES)}),
    "created_at": _TIME,
    "expires_at": _NULLABLE_TIME,
    "last_used_at": {**_NULLABLE_TIME, "description": "Up to five minutes late."},
    "rate_limit": _nullable(
        "integer", description="Requests a second; null where it is what all keys may make."
    ),
}

_PUBLISHER: dict[str, Schema] = {
    "id": _TEXT,
    "service_id": _TEXT,
    "name": _TEXT,
    "event_types": _PATTERNS,
    "sensitive": {
        "type": "object",
        "additionalProperties": {"anyOf": [{"const": True}, _PATTERNS]},
        "description": "The JSON pointers of what is sensitive in payloads, by type pattern; true "
        "stands for all of them.",
    },
    "sensitive_readers": _list(
        {**_TEXT, "description": "A service that is shown what is sensitive."}
    ),
    "created_at": _TIME,
    "updated_at": _TIME,
}

_SUBSCRIPTION: dict[str, Schema] = {
    "id": _TEXT,
    "service_id": _TEXT,
    "name": _TEXT,
    "event_types": _PATTERNS,
    "filters": {"type": "object", "additionalProperties": {"type": "object"}},
    "callback_url": _nullable("string", description="The URL of the target, if it has one."),
    "target": ref("Target"),
    "delivery_guarantee": {"enum": ["at_least_once", "at_most_once", "exactly_once"]},
    "ordered": {"type": "boolean"},
    "retry_policy": _object(
        {
            "max_attempts": _COUNT,
            "schedule": {"type": ["array", "null"], "items": _COUNT},
            "base": {"type": ["integer", "null"]},
            "factor": {"type": ["number", "null"]},
            "cap": {"type": ["integer", "null"]},
            "timeout": {"type": "number"},
            "client_errors": {"enum": ["retry", "final"]},
            "disable_after_days": _COUNT,
        }
    ),
    "max_in_flight": _nullable(
        "integer", description="How many attempts may be in flight to it, if that is limited."
    ),
    "rate_limit": _nullable(
        "number", description="How many attempts may be made a second, if that is limited."
    ),
    "status": {"enum": ["active", "disabled"]},
    "disabled_reason": _nullable("string", description="Why the bus disabled it, if it did."),
    "verified_at": {
        **_NULLABLE_TIME,
        "description": "When the callback said that it wants events, if it was asked.",
    },
    "circuit": _object(
        {
            "state": {"enum": ["closed", "open", "half_open"]},
            "consecutive_failures": _COUNT,
            "failing_since": _NULLABLE_TIME,
            "next_probe_at": _NULLABLE_TIME,
        }
    ),
    "pace": _object(
        {
            "state": {
                "enum": ["trial", "fast", "slow"],
                "description": "How fast its subscriber answers; `trial` until it has answered "
                "within a second.",
            },
            "since": {**_NULLABLE_TIME, "description": "When that changed, if it ever did."},
            "in_flight": {
                **_COUNT,
                "description": "Attempts that the paced lane may have in flight to it at present.",
            },
        }
    ),
    "expires_at": {
        **_NULLABLE_TIME,
        "description": "When it ends by itself, if somebody listens by it without a subscription.",
    },
    "created_at": _TIME,
    "updated_at": _TIME,
}

_PROBLEM: dict[str, Schema] = {
    "type": _TEXT,
    "title": _TEXT,
    "status": {"type": "integer"},
    "detail": _TEXT,
}

_FAULTS = {
    "errors": _list(
        _object(
            {
                "pointer": {
                    **_TEXT,
                    "description": "A JSON pointer into the body, or a parameter's name.",
                },
                "detail": _TEXT,
            }
        )
    )
}

_ROLE: dict[str, Schema] = {
    "role_arn": _TEXT,
    "external_id": {
        **_TEXT,
        "description": "What the role's trust policy must demand as `sts:ExternalId`.",
    },
}

_TARGETS: list[Schema] = [
    _object({"type": {"const": "http"}, "url": _TEXT}),
    _object(
        {
            "type": {"const": "sqs"},
            "queue": _TEXT,
            "queue_url": _TEXT,
            "managed": {"type": "boolean"},
        },
        {
            **_ROLE,
            "policy": {
                "type": "object",
                "description": "The IAM policy that lets a consumer work the managed queue.",
            },
        },
    ),
    _object({"type": {"const": "sns"}, "topic": _TEXT}, _ROLE),
    _object(
        {
            "type": {"const": "lambda"},
            "function": _TEXT,
            "invocation": {"enum": ["async", "sync"]},
            "reply": {"type": "boolean"},
        },
        _ROLE,
    ),
    _object({"type": {"const": "eventbridge"}, "event_bus": _TEXT}, _ROLE),
    _object({"type": {"enum": ["pull", "sse", "websocket"]}}),
]

SCHEMAS: dict[str, Schema] = {
    "Target": {"oneOf": _TARGETS},
    "AcceptedEvent": _object(_ACCEPTED),
    "BatchResult": _object(
        {
            "accepted": _COUNT,
            "refused": _COUNT,
            "results": {
                "type": "array",
                "items": {
                    "oneOf": [
                        _object({"status": {"enum": [200, 202]}, **_ACCEPTED}),
                        _object({"status": {"type": "integer"}, "error": ref("BatchProblem")}),
                    ]
                },
                "description": "One result for each event, in their order.",
            },
        }
    ),
    "BatchProblem": _object(_PROBLEM, _FAULTS),
    "Problem": _object({**_PROBLEM, "instance": _TEXT, "request_id": _TEXT}, _FAULTS),
    "EventSummary": _object(_SUMMARY),
    "Event": _object(
        {
            **_SUMMARY,
            "matching_limited": _MATCHING_LIMITED,
            "deliveries": {"type": "array", "items": ref("Delivery")},
            "updated_at": _TIME,
        }
    ),
    "Delivery": _object(
        {
            "subscription_id": _TEXT,
            "service_id": _TEXT,
            "replay_id": _NULLABLE_TEXT,
            "status": {"enum": ["pending", "delivered", "retrying", "exhausted", "dropped"]},
            "attempts": _COUNT,
            "last_error": {"anyOf": [ref("DeliveryError"), {"type": "null"}]},
            "next_retry_at": _NULLABLE_TIME,
            "dead_letter_id": _NULLABLE_TEXT,
            "delivered_at": _NULLABLE_TIME,
        }
    ),
    "DeliveryError": _object({"code": _TEXT, "message": _TEXT, "timestamp": _TIME}),
    "Attempt": _object(
        {
            "number": _COUNT,
            "at": _TIME,
            "duration_ms": _COUNT,
            "code": _NULLABLE_TEXT,
            "message": _TEXT,
            "status_code": _nullable("integer"),
            "response": {**_TEXT, "description": "How the answer began."},
        }
    ),
    "DeadLetter": _object(
        {
            "id": _TEXT,
            "event_id": _TEXT,
            "event_type": _TEXT,
            "subscription_id": _TEXT,
            "subscriber_id": _TEXT,
            "replay_id": _NULLABLE_TEXT,
            "status": {"enum": ["retrying", "exhausted", "resolved"]},
            "error": {"anyOf": [ref("DeliveryError"), {"type": "null"}]},
            "retry_count": _COUNT,
            "next_retry_at": _NULLABLE_TIME,
            "attempts": _list(ref("Attempt")),
            "created_at": _TIME,
            "updated_at": _TIME,
        }
    ),
    "DeadLetterPage": _page("DeadLetter"),
    "BulkRetry": _object(
        {
            "retried": _COUNT,
            "next_cursor": _nullable(
                "string",
                description="Send the same body with it as `cursor` for the rest; null at the end.",
            ),
        }
    ),
    "AuditEntry": _object(
        {
            "id": _TEXT,
            "timestamp": _TIME,
            "action": _TEXT,
            "actor": _TEXT,
            "resource": _NULLABLE_TEXT,
            "resource_type": _TEXT,
            "details": {"type": "object"},
            "status": {"enum": ["success", "failure", "denied"]},
            "ip_address": _NULLABLE_TEXT,
        }
    ),
    "AuditPage": _page("AuditEntry"),
    "Replay": _object(
        {
            "id": _TEXT,
            "service_id": _TEXT,
            "state": {"enum": ["running", "completed", "cancelled"]},
            "event_id": _NULLABLE_TEXT,
            "subscription_id": _NULLABLE_TEXT,
            "event_types": {"type": ["array", "null"], "items": _TEXT},
            "source": _NULLABLE_TEXT,
            "from": _TIME,
            "to": _TIME,
            "rate": {**_COUNT, "description": "Deliveries a second at most."},
            "progress": _object(
                {
                    "ratio": {
                        "type": "number",
                        "minimum": 0,
                        "maximum": 1,
                        "description": "Which part of the time is behind it.",
                    },
                    "events_examined": _COUNT,
                    "deliveries_sent": _COUNT,
                    "events_unroutable": {
                        **_COUNT,
                        "description": "How many events the replay passed over, since they cannot "
                        "be read, matched or sent to all their subscribers. The log names them.",
                    },
                }
            ),
            "created_at": _TIME,
            "updated_at": _TIME,
        }
    ),
    "ReplayPage": _page("Replay"),
    "FetchedEvents": _object(
        {
            "items": _list(ref("FetchedEvent")),
            "cursor": {**_TEXT, "description": "The place up to which was read."},
            "lease": _nullable("string", description="Acknowledge by it the places of `items`."),
            "lease_expires_at": _NULLABLE_TIME,
        }
    ),
    "FetchedEvent": _object(
        {
            "cursor": _TEXT,
            "delivery_id": {**_TEXT, "description": "The same where a delivery is repeated."},
            "event": {"type": "object"},
        }
    ),
    "StreamToken": _object({"token": _TEXT, "expires_at": _TIME}),
    "EventPage": _page("EventSummary"),
    "Analytics": _object(
        {
            "granularity": {"enum": ["minute", "hour", "day"]},
            "from": _TIME,
            "to": _TIME,
            "delay_seconds": _COUNT,
            "totals": _object(_SUMS),
            "buckets": _list(_object({"start": _TIME, **_SUMS})),
            "types": _list(_object({"type": _TEXT, **_SUMS})),
            "sources": _list(_object({"source": _TEXT, "published": _COUNT})),
            "subscribers": _list(_object({"subscriber": _TEXT, **_SUMS})),
        }
    ),
    "Flow": _object(
        {
            "events": _list(_FLOW_EVENT),
            "complete": {"type": "boolean", "description": "Whether these are all."},
        }
    ),
    "Publisher": _object(_PUBLISHER),
    "CreatedPublisher": _object(_PUBLISHER, {"authentication": _AUTHENTICATION}),
    "PublisherPage": _page("Publisher"),
    "Key": _object(_KEY),
    "CreatedKey": _object(_KEY, {"authentication": _AUTHENTICATION}),
    "KeyList": _object({"items": _list(ref("Key"))}),
    "RotatedSecret": _object(
        {
            "subscription_id": _TEXT,
            "signing_secret": {**_TEXT, "description": "It is not shown again."},
            "previous_secret_expires_at": {
                **_NULLABLE_TIME,
                "description": "Until when the one before signs as well.",
            },
        }
    ),
    "Subscription": _object(_SUBSCRIPTION),
    "CreatedSubscription": _object(
        {
            **_SUBSCRIPTION,
            "signing_secret": _nullable(
                "string",
                description="The secret of the deliveries' signatures (Standard Webhooks); it "
                "is not shown again. Null where the target is no callback URL.",
            ),
            "replay_id": _nullable(
                "string", description="The replay that brings it what `replay_from` asked for."
            ),
        },
        {"authentication": _AUTHENTICATION},
    ),
    "SubscriptionPage": _page("Subscription"),
    "Health": _object(
        {
            "status": {"enum": ["pass", "warn", "fail"]},
            "checks": {
                "type": "object",
                "additionalProperties": _object(
                    {"status": {"enum": ["pass", "warn", "fail"]}, "time": _TIME},
                    {"observedValue": _FIGURE, "observedUnit": _TEXT, "output": _TEXT},
                ),
            },
        }
    ),
}
