"""The JSON schemas of publishers, keys and subscriptions, for the OpenAPI document."""

from event_bus.api.schema_parts import (
    COUNT,
    NULLABLE_TEXT,
    NULLABLE_TIME,
    PATTERNS,
    TEXT,
    TIME,
    Schema,
    array,
    members,
    nullable,
    page,
    ref,
)
from event_bus.model.scopes import SCOPES

_KEY: dict[str, Schema] = {
    "id": TEXT,
    "service_id": TEXT,
    "type": {"enum": ["api_key", "mtls", "iam"]},
    "stands_for": nullable(
        "string", description="A certificate's subject, or the ARN of a role or user of IAM."
    ),
    "name": NULLABLE_TEXT,
    "scopes": array({"enum": list(SCOPES)}),
    "created_at": TIME,
    "expires_at": NULLABLE_TIME,
    "last_used_at": {**NULLABLE_TIME, "description": "Up to five minutes late."},
    "rate_limit": nullable(
        "integer", description="Requests a second; null where it is what all keys may make."
    ),
    "replaced_by": nullable("string", description="The key that a rotation put in its place."),
}

_PUBLISHER: dict[str, Schema] = {
    "id": TEXT,
    "service_id": TEXT,
    "name": TEXT,
    "event_types": PATTERNS,
    "sensitive": {
        "type": "object",
        "additionalProperties": {"anyOf": [{"const": True}, PATTERNS]},
        "description": "The JSON pointers of what is sensitive in payloads, by type pattern; true "
        "stands for all of them.",
    },
    "sensitive_readers": array(
        {**TEXT, "description": "A service that is shown what is sensitive."}
    ),
    "restricted": {
        "type": "object",
        "additionalProperties": array(TEXT),
        "description": "The services that may receive types which others may not, by type pattern.",
    },
    "created_at": TIME,
    "updated_at": TIME,
}

_SUBSCRIPTION: dict[str, Schema] = {
    "id": TEXT,
    "service_id": TEXT,
    "name": TEXT,
    "event_types": PATTERNS,
    "filters": ref("Filters"),
    "callback_url": nullable("string", description="The URL of the target, if it has one."),
    "target": ref("Target"),
    "delivery_guarantee": {"enum": ["at_least_once", "at_most_once", "exactly_once"]},
    "ordered": {"type": "boolean"},
    "retry_policy": ref("RetryPolicy"),
    "max_in_flight": nullable(
        "integer", description="How many attempts may be in flight to it, if that is limited."
    ),
    "rate_limit": nullable(
        "number", description="How many attempts may be made a second, if that is limited."
    ),
    "status": {"enum": ["active", "disabled"]},
    "disabled_reason": nullable("string", description="Why the bus disabled it, if it did."),
    "verified_at": {
        **NULLABLE_TIME,
        "description": "When the callback said that it wants events, if it was asked.",
    },
    "circuit": ref("Circuit"),
    "pace": ref("Pace"),
    "expires_at": {
        **NULLABLE_TIME,
        "description": "When it ends by itself, if somebody listens by it without a subscription.",
    },
    "created_at": TIME,
    "updated_at": TIME,
}

_ROLE: dict[str, Schema] = {
    "role_arn": TEXT,
    "external_id": {
        **TEXT,
        "description": "What the role's trust policy must demand as `sts:ExternalId`.",
    },
}

_TARGETS: dict[str, Schema] = {
    "HttpTarget": members({"type": {"const": "http"}, "url": TEXT}),
    "SqsTarget": members(
        {
            "type": {"const": "sqs"},
            "queue": TEXT,
            "queue_url": TEXT,
            "managed": {"type": "boolean"},
        },
        {**_ROLE, "policy": ref("ConsumerPolicy")},
    ),
    "SnsTarget": members({"type": {"const": "sns"}, "topic": TEXT}, _ROLE),
    "LambdaTarget": members(
        {
            "type": {"const": "lambda"},
            "function": TEXT,
            "invocation": {"enum": ["async", "sync"]},
            "reply": {"type": "boolean"},
        },
        _ROLE,
    ),
    "EventBridgeTarget": members({"type": {"const": "eventbridge"}, "event_bus": TEXT}, _ROLE),
    "InboxTarget": members({"type": {"enum": ["pull", "sse", "websocket"]}}),
}

_BY_TYPE = {
    "http": "HttpTarget",
    "sqs": "SqsTarget",
    "sns": "SnsTarget",
    "lambda": "LambdaTarget",
    "eventbridge": "EventBridgeTarget",
    **dict.fromkeys(("pull", "sse", "websocket"), "InboxTarget"),
}

REGISTRATION_SCHEMAS: dict[str, Schema] = {
    **_TARGETS,
    "Target": {
        "oneOf": [ref(name) for name in _TARGETS],
        "discriminator": {
            "propertyName": "type",
            "mapping": {kind: ref(name)["$ref"] for kind, name in _BY_TYPE.items()},
        },
    },
    "ConsumerPolicy": {
        "type": "object",
        "description": "The IAM policy that lets a consumer work the managed queue.",
    },
    "EventPattern": {
        "type": "object",
        "description": "Fields of an event, each with an array of what it may be.",
    },
    "Filters": {
        "type": "object",
        "additionalProperties": ref("EventPattern"),
        "description": "An event pattern for each event type, or type pattern, that it narrows.",
    },
    "GeneratedKey": members(
        {
            "type": {"const": "api_key"},
            "api_key": {**TEXT, "description": "The generated key; it is not shown again."},
        }
    ),
    "RetryPolicy": members(
        {
            "max_attempts": COUNT,
            "schedule": {"type": ["array", "null"], "items": COUNT},
            "base": {"type": ["integer", "null"]},
            "factor": {"type": ["number", "null"]},
            "cap": {"type": ["integer", "null"]},
            "timeout": {"type": "number"},
            "client_errors": {"enum": ["retry", "final"]},
            "disable_after_days": COUNT,
        }
    ),
    "Circuit": members(
        {
            "state": {"enum": ["closed", "open", "half_open"]},
            "consecutive_failures": COUNT,
            "failing_since": NULLABLE_TIME,
            "next_probe_at": NULLABLE_TIME,
        }
    ),
    "Pace": members(
        {
            "state": {
                "enum": ["trial", "fast", "slow"],
                "description": "How fast its subscriber answers; `trial` until it has answered "
                "within a second.",
            },
            "since": {**NULLABLE_TIME, "description": "When that changed, if it ever did."},
            "in_flight": {
                **COUNT,
                "description": "Attempts that the paced lane may have in flight to it at present.",
            },
        }
    ),
    "Publisher": members(_PUBLISHER),
    "CreatedPublisher": members(_PUBLISHER, {"authentication": ref("GeneratedKey")}),
    "PublisherPage": page("Publisher"),
    "Subscriber": members(
        {
            "id": TEXT,
            "service_id": TEXT,
            "event_types": {
                **PATTERNS,
                "description": "The types that the service may receive, beside its own events.",
            },
            "created_at": TIME,
            "updated_at": TIME,
        }
    ),
    "SubscriberPage": page("Subscriber"),
    "Key": members(_KEY),
    "CreatedKey": members(_KEY, {"authentication": ref("GeneratedKey")}),
    "KeyList": members({"items": array(ref("Key"))}),
    "RotatedSecret": members(
        {
            "subscription_id": TEXT,
            "signing_secret": {**TEXT, "description": "It is not shown again."},
            "previous_secret_expires_at": {
                **NULLABLE_TIME,
                "description": "Until when the one before signs as well.",
            },
        }
    ),
    "Subscription": members(_SUBSCRIPTION),
    "CreatedSubscription": members(
        {
            **_SUBSCRIPTION,
            "signing_secret": nullable(
                "string",
                description="The secret of the deliveries' signatures (Standard Webhooks); it "
                "is not shown again. Null where the target is no callback URL.",
            ),
            "replay_id": nullable(
                "string", description="The replay that brings it what `replay_from` asked for."
            ),
        },
        {"authentication": ref("GeneratedKey")},
    ),
    "SubscriptionPage": page("Subscription"),
}
"""The schemas by their names."""
