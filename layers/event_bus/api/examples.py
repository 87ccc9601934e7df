"""Examples of requests and answers, for the OpenAPI document."""

from typing import Any

_EVENT = {
    "id": "order-1",
    "type": "order.placed",
    "timestamp": "2026-05-01T12:00:00.000Z",
    "payload": {"total": 250},
    "metadata": {"correlation_id": "cart-7"},
}

EXAMPLES: dict[str, Any] = {
    "EventSubmission": _EVENT,
    "CommandSubmission": {
        "id": "shop:charge-7",
        "type": "command.charge_card",
        "payload": {"order": "order-7", "total": 250},
        "metadata": {"deadline": "2026-05-01T12:05:00Z"},
    },
    "ReplyRequest": {"payload": {"charged": True}},
    "AcceptedEvent": {
        "id": "order-1",
        "type": "order.placed",
        "source": "shop",
        "timestamp": "2026-05-01T12:00:00.000Z",
        "created_at": "2026-05-01T12:00:00.214Z",
    },
    "DeliveredEvent": {**_EVENT, "source": "shop"},
    "PublisherRegistration": {
        "service_id": "shop",
        "name": "The shop",
        "event_types": ["order.*"],
    },
    "SubscriptionRegistration": {
        "name": "Large orders",
        "event_types": ["order.placed"],
        "filters": {"order.placed": {"total": [{"numeric": [">=", 100]}]}},
        "callback_url": "https://billing.example.com/events",
    },
    "SubscriptionChange": {"status": "disabled"},
    "HttpTarget": {
        "type": "http",
        "url": "https://billing.example.com/events",
        "reply": False,
    },
    "InboxTarget": {"type": "pull"},
    "Filters": {"order.placed": {"total": [{"numeric": [">=", 100]}]}},
    "KeyRequest": {
        "name": "nightly import",
        "scopes": ["publish"],
        "expires_at": "2027-01-01T00:00:00Z",
    },
    "ReplayRequest": {
        "from": "2026-05-01T00:00:00Z",
        "to": "2026-05-02T00:00:00Z",
        "event_types": ["order.*"],
        "rate": 20,
    },
    "BulkRetryRequest": {"error_code": "timeout", "from": "2026-05-01T00:00:00Z"},
    "Problem": {
        "type": "urn:event-bus:problem:invalid-request",
        "title": "The request is not valid",
        "status": 422,
        "detail": "/colour: is not a known member",
        "errors": [{"pointer": "/colour", "detail": "is not a known member"}],
        "instance": "/events",
        "request_id": "JKJaXmPLvHcESHA=",
    },
}
"""An example of each of these schemas, by its name."""
