"""The JSON schemas of what the API answers, for its OpenAPI document."""

from typing import Any

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
_TIME: Schema = {
    "type": "string",
    "format": "date-time",
    "description": "RFC 3339, UTC, with milliseconds.",
}
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

_AUTHENTICATION = _object(
    {
        "type": {"const": "api_key"},
        "api_key": {**_TEXT, "description": "The generated key; it is not shown again."},
    }
)

_PUBLISHER: dict[str, Schema] = {
    "id": _TEXT,
    "service_id": _TEXT,
    "name": _TEXT,
    "event_types": _PATTERNS,
    "created_at": _TIME,
    "updated_at": _TIME,
}

_SUBSCRIPTION: dict[str, Schema] = {
    "id": _TEXT,
    "service_id": _TEXT,
    "name": _TEXT,
    "event_types": _PATTERNS,
    "filters": {"type": "object", "additionalProperties": {"type": "object"}},
    "callback_url": _TEXT,
    "status": {"enum": ["active", "disabled"]},
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

SCHEMAS: dict[str, Schema] = {
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
            "deliveries": {"type": "array", "items": ref("Delivery")},
            "updated_at": _TIME,
        }
    ),
    "Delivery": _object(
        {
            "subscription_id": _TEXT,
            "service_id": _TEXT,
            "status": {"enum": ["pending", "delivered", "retrying", "exhausted", "dropped"]},
            "attempts": _COUNT,
            "last_error": {"anyOf": [_object({"code": _TEXT, "message": _TEXT}), {"type": "null"}]},
            "delivered_at": {"anyOf": [_TIME, {"type": "null"}]},
        }
    ),
    "EventPage": _page("EventSummary"),
    "Publisher": _object(_PUBLISHER),
    "CreatedPublisher": _object(_PUBLISHER, {"authentication": _AUTHENTICATION}),
    "PublisherPage": _page("Publisher"),
    "Subscription": _object(_SUBSCRIPTION),
    "CreatedSubscription": _object(
        {
            **_SUBSCRIPTION,
            "signing_secret": {
                **_TEXT,
                "description": "The secret of the deliveries' signatures (Standard Webhooks); it "
                "is not shown again.",
            },
        },
        {"authentication": _AUTHENTICATION},
    ),
    "SubscriptionPage": _page("Subscription"),
    "Health": _object(
        {
            "status": {"enum": ["pass", "fail"]},
            "checks": {
                "type": "object",
                "additionalProperties": _object(
                    {"status": {"enum": ["pass", "fail"]}, "time": _TIME},
                    {"observedValue": _COUNT, "observedUnit": _TEXT, "output": _TEXT},
                ),
            },
        }
    ),
}
