"""What tests speak of, made in one line each: events, subscriptions, publishers, callers."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from event_bus.access.callers import ADMIN, Caller
from event_bus.model.api_keys import ApiKey, proof_of_chosen
from event_bus.model.delivery import Delivery, DeliveryError, DeliveryKey, DeliveryStatus, Routing
from event_bus.model.event import INLINE_PAYLOAD_BYTES, Event
from event_bus.model.filters import Filters
from event_bus.model.publisher import Publisher
from event_bus.model.replay import Replay
from event_bus.model.subscription import Subscription, SubscriptionStatus
from event_bus.model.target import Target
from event_bus.queues.message import Message
from event_bus.requests.event import EventSubmission, accept
from event_bus.requests.validation import read
from event_bus.stores.listings import EventSelector
from event_bus.targets.http import HttpTarget

BESIDE_PLANNER = next(
    name
    for name in map(str, range(99))
    if {*EventSelector(name).cells()} == {*EventSelector("planner").cells()}
)
"""A source whose events lie in the partitions where those of `planner` do."""

NOON = "2026-05-01T12:00:00.000Z"
"""When things happen unless a test says otherwise."""

LATER = "2100-01-01T00:00:00.000Z"
"""A time that does not come."""

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
"""The signing secret of a subscription unless a test says otherwise."""

AN_ADMIN = Caller(ADMIN, "admin")

LARGE_PAYLOAD = {"text": "x" * INLINE_PAYLOAD_BYTES}
"""A payload that does not travel with its event."""


def service(service_id: str = "planner", key_id: str | None = None) -> Caller:
    """A caller with a service's key."""
    return Caller(service_id, "service", key_id=key_id)


def key(text: str, service_id: str = "planner", **members: Any) -> ApiKey:
    """What is kept of a key that a client chose."""
    proof = proof_of_chosen(text)
    return ApiKey(proof.id, service_id, NOON, proof.hash, **members)


def submission(event_type: str = "task.created", **members: Any) -> dict[str, Any]:
    """An event as a publisher sends it."""
    return {"type": event_type, "payload": {}, **members}


def binary_event(
    content: bytes = b"\x89PNG\r\n\x00\xff",
    content_type: str | None = "image/png",
    event_id: str = "evt_1",
    **members: Any,
) -> Event:
    """An event whose payload is not JSON, as the bus keeps it."""
    sent: dict[str, Any] = {
        "id": event_id,
        "type": "task.created",
        "timestamp": NOON,
        "payload_base64": base64.b64encode(content).decode(),
        **members,
    }
    if content_type:
        sent["content_type"] = content_type
    return accept(read(EventSubmission, sent), "planner")


def event(
    event_id: str = "evt_1",
    event_type: str = "task.created",
    source: str = "planner",
    *,
    timestamp: str = NOON,
    payload: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
) -> Event:
    """An event as the bus keeps it."""
    sent = {
        "id": event_id,
        "type": event_type,
        "timestamp": timestamp,
        "payload": payload or {},
        "metadata": metadata or {},
    }
    return accept(read(EventSubmission, sent), source)


def subscription(
    subscription_id: str = "sub_1",
    service_id: str = "worker",
    event_types: Sequence[str] = ("task.*",),
    *,
    filters: Filters | None = None,
    callback_url: str = "https://worker.example/events",
    target: Target | None = None,
    status: SubscriptionStatus = "active",
    version: int = 0,
    created_at: str = NOON,
    **members: Any,
) -> Subscription:
    """A subscription as the bus keeps it."""
    return Subscription(
        id=subscription_id,
        service_id=service_id,
        name="A subscription",
        event_types=list(event_types),
        filters=filters or {},
        target=target or HttpTarget(callback_url),
        status=status,
        version=version,
        created_at=created_at,
        updated_at=NOON,
        **members,
    )


def publisher(service_id: str = "planner", *event_types: str) -> Publisher:
    """A publisher as the bus keeps it."""
    return Publisher(
        service_id=service_id,
        name="A publisher",
        event_types=list(event_types) or ["task.*"],
        created_at=NOON,
        updated_at=NOON,
    )


def routing(event_id: str = "evt_1", **matched: str) -> Routing:
    """A record that an event was routed, to the services of these subscriptions."""
    return Routing(event_id, matched, LATER)


def delivery(
    status: DeliveryStatus = "delivered",
    event_id: str = "evt_1",
    subscription_id: str = "sub_1",
    *,
    attempts: int = 1,
    **members: Any,
) -> Delivery:
    """A delivery as it stands after an attempt."""
    delivered = status == "delivered"
    return Delivery(
        **{
            "key": DeliveryKey(event_id, subscription_id),
            "service_id": "worker",
            "event_type": "task.created",
            "status": status,
            "attempts": attempts,
            "created_at": NOON,
            "updated_at": NOON,
            "last_error": None if delivered else DeliveryError("timeout", "too late", NOON),
            "next_retry_at": LATER if status == "retrying" else None,
            "delivered_at": NOON if delivered else None,
            "written_by": "m-1",
            **members,
        }
    )


def message(about: Event, to: Subscription, **members: Any) -> Message:
    """An event on its way to a subscription."""
    return Message(about.id, to.id, to.service_id, to.version, about, **members)


def replay(name: str = "rpl_1", **members: object) -> Replay:
    """A replay that is running."""
    made = Replay(
        id=name,
        service_id="planner",
        audience=None,
        subscription_id=None,
        event_id=None,
        event_types=["task.*"],
        source=None,
        since=NOON,
        until=LATER,
        rate=50,
        state="running",
        created_at=NOON,
        updated_at=NOON,
    )
    return replace(made, **members)  # type: ignore[arg-type]
