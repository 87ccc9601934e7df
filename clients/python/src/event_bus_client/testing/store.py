"""What the bus in memory keeps: events, subscriptions and their inboxes."""

import base64
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from event_bus_client._bus.matching.errors import InvalidEventTypeError, InvalidPatternError
from event_bus_client._bus.matching.event_types import validate_event_type
from event_bus_client._bus.matching.filters import SubscriptionFilter
from event_bus_client.errors import Conflict, Fault, InvalidRequest, NotFound
from event_bus_client.models import NewEvent
from event_bus_client.publishing import new_id
from event_bus_client.times import now

Document = dict[str, Any]

_PAYLOAD = ("payload", "payload_base64", "content_type")
_INBOXES = ("pull", "sse", "websocket")


@dataclass
class Subscription:
    """A subscription.

    Attributes:
        document: How the API shows it.
        filter: Which events it is for.
        secret: The secret that its webhooks are signed by.
        inbox: The ids of its events, in order.
        acknowledged: How many of them are acknowledged.
        lease: The lease that was given last.
        lease_ends: When it ends, by the monotonic clock.
        taken: Up to where it reaches.
    """

    document: Document
    filter: SubscriptionFilter
    secret: str
    inbox: list[str] = field(default_factory=list)
    acknowledged: int = 0
    lease: str | None = None
    lease_ends: float = 0.0
    taken: int = 0

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.document["id"])

    @property
    def callback_url(self) -> str | None:
        """The URL of its webhooks; None if it has an inbox."""
        url = self.document["callback_url"]
        return None if url is None else str(url)


def refused(pointer: str, detail: str) -> InvalidRequest:
    """A refusal of one member."""
    return InvalidRequest(
        kind="invalid-request",
        status=422,
        title="The request is not valid",
        detail=f"{pointer}: {detail}",
        faults=(Fault(pointer, detail),),
    )


@dataclass
class Store:
    """Events and subscriptions. Threads may share it, under its lock.

    Attributes:
        source: The service in whose name events are published.
        events: The events by id, in the order of publishing.
        subscriptions: The subscriptions by id.
        lock: Is held while something is changed.
    """

    source: str
    events: dict[str, Document] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _sent: dict[str, Document] = field(default_factory=dict)

    def publish(self, body: Any) -> tuple[Document, list[Subscription]]:
        """Stores an event.

        Returns:
            The event, and the subscriptions that it is for; none where it was stored before.

        Raises:
            InvalidRequest: It is not valid.
            Conflict: Another event has its id.
        """
        sent = _submission(body)
        event_id = sent.id or new_id()
        with self.lock:
            if (stored := self.events.get(event_id)) is not None:
                if self._sent[event_id] != body:
                    raise Conflict(
                        kind="conflict",
                        status=409,
                        title="The request contradicts what is stored",
                        detail=f"Another event with the id {event_id} is stored.",
                    )
                return stored, []
            at = now()
            event: Document = {
                "id": event_id,
                "type": sent.type,
                "source": sent.source or self.source,
                "timestamp": body.get("timestamp") or at,
                **{name: body[name] for name in _PAYLOAD if name in body},
                "metadata": dict(sent.metadata),
                "created_at": at,
            }
            self.events[event_id], self._sent[event_id] = event, body
            matched = [each for each in self.subscriptions.values() if _matches(each, event)]
            for each in matched:
                if each.callback_url is None:
                    each.inbox.append(event_id)
            return event, matched

    def event(self, event_id: str) -> Document:
        """Reads an event.

        Raises:
            NotFound: There is none.
        """
        if (event := self.events.get(event_id)) is None:
            raise missing("event", event_id)
        return event

    def subscription(self, subscription_id: str) -> Subscription:
        """Reads a subscription.

        Raises:
            NotFound: There is none.
        """
        if (found := self.subscriptions.get(subscription_id)) is None:
            raise missing("subscription", subscription_id)
        return found

    def subscribe(self, body: Any, subscription_id: str | None = None) -> Subscription:
        """Stores a subscription.

        Args:
            body: What was sent.
            subscription_id: Its id; None makes one.

        Raises:
            InvalidRequest: Its types, filters or target are not valid.
        """
        if not isinstance(body, dict):
            raise refused("", "must be an object")
        target = body.get("target") or {"type": "http", "url": body.get("callback_url")}
        url = target.get("url")
        if target.get("type") not in ("http", *_INBOXES) or (target["type"] == "http") != bool(url):
            raise refused("/target", "the bus in memory has callbacks and inboxes alone")
        document = {
            **body,
            "id": subscription_id or new_id("sub"),
            "service_id": body.get("service_id") or self.source,
            "name": body.get("name") or "",
            "event_types": body.get("event_types"),
            "filters": body.get("filters") or {},
            "callback_url": url,
            "target": target,
            "status": body.get("status") or "active",
            "created_at": now(),
            "updated_at": now(),
        }
        try:
            matcher = SubscriptionFilter(document["event_types"], document["filters"])
        except InvalidPatternError as error:
            raise refused(error.pointer, error.detail) from None
        secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
        made = Subscription(document, matcher, secret)
        with self.lock:
            self.subscriptions[made.id] = made
        return made

    def take(self, found: Subscription, limit: int, seconds: float) -> Document:
        """Leases what is next in an inbox.

        Raises:
            Conflict: Another lease holds.
        """
        with self.lock:
            if found.lease_ends > time.monotonic() and found.acknowledged < found.taken:
                raise Conflict(
                    kind="conflict",
                    status=409,
                    title="The request contradicts what is stored",
                    detail="Another consumer has taken the next events, and its lease has not "
                    "ended.",
                )
            items = self.items(found, found.acknowledged, limit)
            found.taken = found.acknowledged + len(items)
            found.lease = new_id("lease") if items else None
            found.lease_ends = time.monotonic() + seconds
            return {
                "items": items,
                "cursor": str(found.taken),
                "lease": found.lease,
                "lease_expires_at": now() if items else None,
            }

    def items(self, found: Subscription, begun: int, limit: int) -> list[Document]:
        """What comes after a place of an inbox."""
        ids = found.inbox[begun : begun + limit]
        return [
            {"cursor": str(place), "delivery_id": each, "event": envelope(self.events[each])}
            for place, each in enumerate(ids, begun + 1)
        ]

    def acknowledge(self, found: Subscription, body: Mapping[str, Any]) -> None:
        """Acknowledges what a lease covers, or extends it.

        Raises:
            Conflict: The lease has ended.
        """
        with self.lock:
            if found.lease != body.get("lease") or found.lease_ends <= time.monotonic():
                raise Conflict(
                    kind="conflict",
                    status=409,
                    title="The request contradicts what is stored",
                    detail="This is not the present lease of the inbox.",
                )
            if (cursor := body.get("cursor")) is not None:
                if int(cursor) > found.taken:
                    raise refused("/cursor", "is not covered by the lease")
                found.acknowledged = max(found.acknowledged, int(cursor))
            if (seconds := body.get("extend")) is not None:
                found.lease_ends = time.monotonic() + seconds


def envelope(event: Document) -> Document:
    """An event as its subscribers see it."""
    return {name: value for name, value in event.items() if name != "created_at"}


def missing(kind: str, its_id: str) -> NotFound:
    """There is no such resource."""
    return NotFound(
        kind="not-found",
        status=404,
        title="There is no such resource",
        detail=f"There is no {kind} {its_id}.",
    )


def _matches(found: Subscription, event: Document) -> bool:
    return found.document["status"] == "active" and found.filter.matches(
        event["type"], event["source"], event.get("payload", {}), event["metadata"]
    )


def _submission(body: Any) -> NewEvent:
    if not isinstance(body, dict):
        raise refused("", "must be an object")
    try:
        validate_event_type(body.get("type"))
    except InvalidEventTypeError as error:
        raise refused("/type", error.detail) from None
    if "payload_base64" not in body and not isinstance(body.get("payload"), dict):
        raise refused("/payload", "must be an object")
    unknown = body.keys() - NewEvent.model_fields.keys() - {"payload_base64"}
    if unknown:
        raise refused(f"/{min(unknown)}", "is unknown")
    # What is sent passes through JSON, as on its way to a bus.
    return NewEvent.of_document(json.loads(json.dumps(body)))
