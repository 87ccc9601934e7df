"""What the API shows of events, publishers and subscriptions."""

from dataclasses import asdict
from typing import Any

from event_bus import times
from event_bus.access.external_ids import external_id_of
from event_bus.model.api_keys import ApiKey
from event_bus.model.circuit import Circuit
from event_bus.model.delivery import Delivery
from event_bus.model.pace import Pace
from event_bus.model.registration import Publisher, Subscription
from event_bus.model.replay import Replay
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.rights import Grant
from event_bus.model.scopes import SCOPES
from event_bus.model.sensitive import WHOLE
from event_bus.model.target import HttpTarget
from event_bus.querying.event_finder import Found
from event_bus.registry.managed_queues import consumer_policy
from event_bus.registry.subscriptions import Registered


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
    deliveries = [_delivery(each) for each in found.all_deliveries()]
    changes = [found.event.created_at, *(each.updated_at for each in found.deliveries)]
    if found.routing:
        changes.append(found.routing.routed_at)
    return {
        **event_summary(found),
        "matching_limited": found.routing is not None and found.routing.limited,
        "deliveries": sorted(
            deliveries, key=lambda each: (each["subscription_id"], each["replay_id"] or "")
        ),
        "updated_at": max(changes),
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "subscription_id": delivery.key.subscription_id,
        "service_id": delivery.service_id,
        "replay_id": delivery.key.replay_id,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "last_error": delivery.last_error,
        "next_retry_at": delivery.next_retry_at,
        "dead_letter_id": delivery.dead_letter_id,
        "delivered_at": delivery.delivered_at,
    }


def dead_letter_document(letter: Delivery) -> dict[str, Any]:
    """A dead letter, with its attempts."""
    return {
        "id": letter.dead_letter_id,
        "event_id": letter.key.event_id,
        "event_type": letter.event_type,
        "subscription_id": letter.key.subscription_id,
        "subscriber_id": letter.service_id,
        "replay_id": letter.key.replay_id,
        "status": letter.dead_letter_status,
        "error": letter.last_error,
        "retry_count": max(0, letter.attempts - 1),
        "next_retry_at": letter.next_retry_at,
        "attempts": letter.log,
        "created_at": letter.created_at,
        "updated_at": letter.updated_at,
    }


def replay_document(replay: Replay) -> dict[str, Any]:
    """A replay, with how far it has come."""
    return {
        "id": replay.id,
        "service_id": replay.service_id,
        "state": replay.state,
        "event_id": replay.event_id,
        "subscription_id": replay.subscription_id,
        "event_types": replay.event_types,
        "source": replay.source,
        "from": replay.since,
        "to": replay.end,
        "rate": replay.rate,
        "progress": {
            "ratio": replay.progress,
            "events_examined": replay.examined,
            "deliveries_sent": replay.sent,
            "events_unroutable": replay.unroutable,
        },
        "created_at": replay.created_at,
        "updated_at": replay.updated_at,
    }


def publisher_document(publisher: Publisher, api_key: str | None = None) -> dict[str, Any]:
    """A publisher; with its generated key in the one answer that shows it."""
    return {
        "id": publisher.service_id,
        "service_id": publisher.service_id,
        "name": publisher.name,
        "event_types": publisher.event_types,
        "sensitive": {
            pattern: True if pointers == [WHOLE] else pointers
            for pattern, pointers in publisher.sensitive.items()
        },
        "sensitive_readers": publisher.sensitive_readers,
        "restricted": publisher.restricted,
        "created_at": publisher.created_at,
        "updated_at": publisher.updated_at,
        **_authentication(api_key),
    }


def subscriber_document(grant: Grant) -> dict[str, Any]:
    """What is given to a service."""
    return {
        "id": grant.service_id,
        "service_id": grant.service_id,
        "event_types": grant.event_types,
        "created_at": grant.created_at,
        "updated_at": grant.updated_at,
    }


def subscription_document(
    subscription: Subscription, circuit: Circuit | None = None, pace: Pace | None = None
) -> dict[str, Any]:
    """A subscription, without its secret; its circuit and its pace, if it has any."""
    return {
        "id": subscription.id,
        "service_id": subscription.service_id,
        "name": subscription.name,
        "event_types": subscription.event_types,
        "filters": subscription.filters,
        "callback_url": subscription.target.url
        if isinstance(subscription.target, HttpTarget)
        else None,
        "target": _target(subscription),
        "delivery_guarantee": subscription.delivery_guarantee,
        "ordered": subscription.ordered,
        "retry_policy": _retry_policy(subscription.retry_policy),
        "max_in_flight": subscription.max_in_flight,
        "rate_limit": subscription.rate_limit,
        "status": subscription.status,
        "disabled_reason": subscription.disabled_reason,
        "circuit": _circuit(circuit),
        "pace": _pace(pace),
        "verified_at": subscription.verified_at,
        "expires_at": times.at(subscription.ends_at) if subscription.ends_at else None,
        "created_at": subscription.created_at,
        "updated_at": subscription.updated_at,
    }


def _retry_policy(policy: RetryPolicy) -> dict[str, Any]:
    members = asdict(policy)
    if policy.schedule:
        # Nothing waits by these; a client that sends the policy back names one way to wait.
        members |= dict.fromkeys(("base", "factor", "cap"))
    return members


def _target(subscription: Subscription) -> dict[str, Any]:
    members = {
        name: value for name, value in asdict(subscription.target).items() if value is not None
    }
    if members.get("managed"):
        members["policy"] = consumer_policy(members["queue"])
    if "role_arn" in members:
        members["external_id"] = external_id_of(members.get("external_id"), subscription.service_id)
    return members


def _circuit(circuit: Circuit | None) -> dict[str, Any]:
    circuit = circuit or Circuit()
    return {
        "state": circuit.state,
        "consecutive_failures": circuit.consecutive,
        "failing_since": times.at(circuit.failing_since) if circuit.failing_since else None,
        "next_probe_at": None if circuit.permits else times.at(circuit.until),
    }


def _pace(pace: Pace | None) -> dict[str, Any]:
    pace = pace or Pace()
    return {
        "state": pace.state,
        "since": times.at(pace.since) if pace.since else None,
        "in_flight": pace.in_flight(times.unix()),
    }


def created_subscription_document(registered: Registered) -> dict[str, Any]:
    """A subscription in the one answer that shows its secret, and a generated key."""
    subscription = registered.subscription
    return {
        **subscription_document(subscription, pace=registered.pace),
        "signing_secret": registered.signing_secret,
        "replay_id": registered.replay_id,
        **_authentication(registered.api_key),
    }


def rotated_secret_document(subscription: Subscription, secret: str) -> dict[str, Any]:
    """The new signing secret of a subscription, in the one answer that shows it."""
    before = [each.until for each in subscription.signing_secrets[1:] if each.until]
    return {
        "subscription_id": subscription.id,
        "signing_secret": secret,
        "previous_secret_expires_at": times.at(max(before)) if before else None,
    }


def key_document(key: ApiKey, api_key: str | None = None) -> dict[str, Any]:
    """A key, without its secret; with it in the one answer that shows it."""
    return {
        "id": key.id,
        "service_id": key.service_id,
        "type": key.type,
        "stands_for": key.stands_for,
        "name": key.name,
        "scopes": list(SCOPES if key.scopes is None else key.scopes),
        "created_at": key.created_at,
        "expires_at": None if key.expires_at is None else times.at(key.expires_at),
        "last_used_at": key.last_used_at,
        "rate_limit": key.rate_limit,
        "replaced_by": key.replaced_by,
        **_authentication(api_key),
    }


def _authentication(api_key: str | None) -> dict[str, Any]:
    return {"authentication": {"type": "api_key", "api_key": api_key}} if api_key else {}
