"""What the API shows of events, publishers and subscriptions."""

from typing import Any

from event_bus.model.delivery import Delivery
from event_bus.model.registration import Publisher, Subscription
from event_bus.querying.event_finder import Found


def event_summary(found: Found) -> dict[str, Any]:
    """An event as lists show it; a large payload is null there."""
    return {
        **found.event.envelope(),
        "payload_bytes": found.event.payload_bytes,
        "processed": found.routing is not None,
        "created_at": found.event.created_at,
    }


def event_document(found: Found) -> dict[str, Any]:
    """An event with what became of it."""
    outcomes = {each.subscription_id: each for each in found.deliveries}
    routing = found.routing
    matched = dict(routing.matched) if routing else {}
    matched |= {each.subscription_id: each.service_id for each in found.deliveries}
    changes = [found.event.created_at, *(each.updated_at for each in found.deliveries)]
    if routing:
        changes.append(routing.routed_at)
    return {
        **event_summary(found),
        "deliveries": [
            _delivery(subscription_id, service_id, outcomes.get(subscription_id))
            for subscription_id, service_id in sorted(matched.items())
        ],
        "updated_at": max(changes),
    }


def _delivery(subscription_id: str, service_id: str, delivery: Delivery | None) -> dict[str, Any]:
    return {
        "subscription_id": subscription_id,
        "service_id": service_id,
        "status": delivery.status if delivery else "pending",
        "attempts": delivery.attempts if delivery else 0,
        "last_error": delivery.last_error if delivery else None,
        "delivered_at": delivery.delivered_at if delivery else None,
    }


def publisher_document(publisher: Publisher, api_key: str | None = None) -> dict[str, Any]:
    """A publisher; with its generated key in the one answer that shows it."""
    return {
        "id": publisher.service_id,
        "service_id": publisher.service_id,
        "name": publisher.name,
        "event_types": publisher.event_types,
        "created_at": publisher.created_at,
        "updated_at": publisher.updated_at,
        **_authentication(api_key),
    }


def subscription_document(subscription: Subscription) -> dict[str, Any]:
    """A subscription, without its secret."""
    return {
        "id": subscription.id,
        "service_id": subscription.service_id,
        "name": subscription.name,
        "event_types": subscription.event_types,
        "filters": subscription.filters,
        "callback_url": subscription.callback_url,
        "status": subscription.status,
        "created_at": subscription.created_at,
        "updated_at": subscription.updated_at,
    }


def created_subscription_document(
    subscription: Subscription, api_key: str | None
) -> dict[str, Any]:
    """A subscription in the one answer that shows its secret, and a generated key."""
    return {
        **subscription_document(subscription),
        "signing_secret": subscription.signing_secret,
        **_authentication(api_key),
    }


def _authentication(api_key: str | None) -> dict[str, Any]:
    return {"authentication": {"type": "api_key", "api_key": api_key}} if api_key else {}
