"""The endpoints of subscribers in the OpenAPI document."""

from typing import Any

from event_bus.api.schemas import ref
from event_bus.model.outcome import KEPT_RESPONSE_BYTES

_LATER = (
    "Send the event later. The bus waits as long as `Retry-After` says and, at random, up to 20% "
    "longer, or up to 10 seconds longer if that is more. If the wait of the retry policy is "
    "longer, it applies instead. No wait is longer than a day."
)


def _header(
    name: str, description: str, *, required: bool = False, **schema: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string", **schema},
    }


_SIGNED = (
    _header(
        "webhook-id",
        "The event's id, the same on every attempt. A replay adds a colon and its own id.",
        required=True,
    ),
    _header("webhook-timestamp", "When this attempt was made, in Unix seconds.", required=True),
    _header(
        "webhook-signature",
        "`v1,` and the HMAC-SHA256 of id, timestamp and body in base64; several with spaces "
        "between while a secret is replaced.",
        required=True,
    ),
)

WEBHOOKS: dict[str, Any] = {
    "event": {
        "post": {
            "operationId": "receiveEvent",
            "tags": ["Webhooks"],
            "summary": "An event for a subscription whose target is a URL (Standard Webhooks).",
            "security": [],
            "parameters": [
                *_SIGNED,
                _header("event-bus-replay", "The id of the replay, where the event is replayed."),
                _header("traceparent", "The delivery's step, where the event is traced."),
                _header("tracestate", "The state of that trace, where the publisher sent one."),
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": ref("DeliveredEvent")}},
            },
            "responses": {
                "2XX": {
                    "description": "The event was received. The first "
                    f"{KEPT_RESPONSE_BYTES} bytes of the answer are kept."
                },
                "410": {"description": "No more events are wanted; the subscription is disabled."},
                "429": {
                    "description": _LATER,
                    "headers": {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}},
                },
                "503": {
                    "description": _LATER,
                    "headers": {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}},
                },
                "default": {
                    "description": "The attempt failed. It is repeated as the subscription's "
                    "retry policy says."
                },
            },
        }
    },
    "handshake": {
        "options": {
            "operationId": "allowEvents",
            "tags": ["Webhooks"],
            "summary": "Asks whether an endpoint wants events, if `verify` is true (CloudEvents).",
            "security": [],
            "parameters": [
                _header("webhook-request-origin", "The host of the bus's API.", required=True)
            ],
            "responses": {
                "2XX": {
                    "description": "The endpoint wants events.",
                    "headers": {
                        "webhook-allowed-origin": {
                            "required": True,
                            "description": "The origin that asks, or `*`.",
                            "schema": {"type": "string"},
                        }
                    },
                },
                "default": {
                    "description": "The endpoint wants no events; the subscription is refused."
                },
            },
        }
    },
}
"""The webhooks by their names."""
