"""A bus in memory, behind the real client: its methods, its retries and its models are tested."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from event_bus_client._async.client import AsyncEventBus
from event_bus_client._bus.matching.event_types import matches_type
from event_bus_client._sync.client import EventBus
from event_bus_client._sync.receiver import Receiver
from event_bus_client.calls import RetryPolicy
from event_bus_client.errors import Problem
from event_bus_client.models import Event
from event_bus_client.testing.store import Document, Store, Subscription, envelope, missing
from event_bus_client.webhooks import Webhook

_URL = "https://bus.invalid"
_QUICK = RetryPolicy(first_wait=0, longest_wait=0)


@dataclass(frozen=True)
class FailedDelivery:
    """A webhook that was not answered with a success.

    Attributes:
        subscription_id: The subscription.
        event: The event.
        status: What was answered.
        answer: The body of the answer.
    """

    subscription_id: str
    event: Event
    status: int
    answer: str


class FakeBus:
    """Events, subscriptions, inboxes and webhooks in memory.

    Events are matched as the bus matches them, and every event is routed before `publish` returns.
    There are no keys, publishers, schemas and replays, and a request for one is answered with 404.

    Example:
        ```python
        fake = FakeBus()
        shop = Shop(fake.client())
        shop.place_order(total=250)
        [event] = fake.published("order.placed")
        assert event.payload == {"total": 250}
        ```
    """

    def __init__(self, *, source: str = "test") -> None:
        """Makes an empty bus.

        Args:
            source: The service in whose name events are published.
        """
        self._store = Store(source)
        self._receivers: dict[str, Receiver] = {}
        self._undelivered: list[tuple[Subscription, Document]] = []
        self._failures: list[FailedDelivery] = []
        self._outage: int | None = None
        self._arrived = threading.Condition()

    def client(self) -> EventBus:
        """A client of this bus."""
        return EventBus(_URL, "test", retries=_QUICK, transport=httpx.MockTransport(self._answer))

    def async_client(self) -> AsyncEventBus:
        """A client of this bus for asyncio."""
        transport = httpx.MockTransport(self._answer)
        return AsyncEventBus(_URL, "test", retries=_QUICK, transport=transport)

    def published(self, *patterns: str) -> list[Event]:
        """The events that were published, in their order.

        Args:
            patterns: Types or patterns that select them; all without one.
        """
        return [
            Event.model_validate(envelope(each))
            for each in self._store.events.values()
            if not patterns or any(matches_type(pattern, each["type"]) for pattern in patterns)
        ]

    def connect(self, receiver: Receiver, *event_types: str, **members: Any) -> str:
        """Subscribes a receiver: its webhooks are signed and delivered when events are published.

        Args:
            receiver: Receives them, signed by its own secret.
            event_types: Types or patterns.
            members: Further members of the subscription, such as `filters`.

        Returns:
            The subscription's id.
        """
        url = f"{_URL}/receivers/{len(self._receivers)}"
        made = self._store.subscribe(
            {"event_types": list(event_types), "callback_url": url, **members}
        )
        self._receivers[url] = receiver
        return made.id

    def deliver(self) -> list[FailedDelivery]:
        """Delivers once more what failed.

        Returns:
            What fails still.
        """
        with self._store.lock:
            again, self._undelivered, self._failures = self._undelivered, [], []
        for subscription, event in again:
            self._deliver(subscription, event)
        return self.failed_deliveries

    @property
    def failed_deliveries(self) -> list[FailedDelivery]:
        """The webhooks that failed and have not been delivered since."""
        return list(self._failures)

    @contextmanager
    def outage(self, status: int = 503) -> Iterator[None]:
        """Answers every request within the block with a failure.

        Args:
            status: The status of the answers; 0 gives no answer.
        """
        self._outage = status
        try:
            yield
        finally:
            self._outage = None

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self._outage == 0:
            raise httpx.ConnectError("the bus in memory has an outage", request=request)
        if self._outage:
            return httpx.Response(self._outage, json={"title": "An outage", "status": self._outage})
        for method, path, respond in _ROUTES:
            found = path.fullmatch(request.url.path)
            if found and method == request.method:
                try:
                    return respond(self, request, *found.groups())
                except Problem as problem:
                    return httpx.Response(problem.status, json=_document(problem))
        return httpx.Response(404, json=_document(missing("route", request.url.path)))

    def _publish(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if not isinstance(body, list):
            return httpx.Response(202, json=self._published(body))
        results = [self._result(each) for each in body]
        accepted = sum(1 for each in results if each["status"] == 202)
        return httpx.Response(
            202 if accepted == len(results) else 207,
            json={"accepted": accepted, "refused": len(results) - accepted, "results": results},
        )

    def _result(self, body: Any) -> Document:
        """What became of one event of a batch."""
        try:
            return {"status": 202, **self._published(body)}
        except Problem as problem:
            return {"status": problem.status, "error": _document(problem)}

    def _published(self, body: Any) -> Document:
        event, matched = self._store.publish(body)
        for each in matched:
            if each.callback_url is not None:
                self._deliver(each, event)
        with self._arrived:
            self._arrived.notify_all()
        return {name: event[name] for name in ("id", "type", "source", "timestamp", "created_at")}

    def _deliver(self, subscription: Subscription, event: Document) -> None:
        receiver = self._receivers.get(str(subscription.callback_url))
        if receiver is None:
            return
        body = json.dumps(envelope(event)).encode()
        webhook = receiver.webhook or Webhook(subscription.secret)
        headers = webhook.sign(event["id"], int(time.time()), body)
        answer = receiver.receive("POST", headers, body)
        if 200 <= answer.status < 300:
            return
        shown = Event.model_validate(envelope(event))
        with self._store.lock:
            self._undelivered.append((subscription, event))
            self._failures.append(
                FailedDelivery(subscription.id, shown, answer.status, answer.body)
            )

    def _event(self, _: httpx.Request, event_id: str) -> httpx.Response:
        event = self._store.event(event_id)
        return httpx.Response(200, json={**event, "processed": True, "deliveries": []})

    def _events(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        members = {"type", "source", "correlation_id", "order", "limit", "cursor"}
        if unknown := asked.keys() - members:
            raise missing("parameter of the bus in memory", min(unknown))
        found = [
            {**each, "processed": True}
            for each in self._store.events.values()
            if matches_type(asked.get("type", "*"), each["type"])
            and asked.get("source", each["source"]) == each["source"]
            and asked.get("correlation_id") in (None, each["metadata"].get("correlation_id"))
        ]
        if asked.get("order") != "oldest":
            found.reverse()
        return _page(found, asked)

    def _subscribe(self, request: httpx.Request) -> httpx.Response:
        made = self._store.subscribe(json.loads(request.content))
        return httpx.Response(201, json={**made.document, "signing_secret": made.secret})

    def _subscriptions(self, request: httpx.Request) -> httpx.Response:
        found = [each.document for each in self._store.subscriptions.values()]
        return _page(found, request.url.params)

    def _subscription(self, _: httpx.Request, its_id: str) -> httpx.Response:
        return httpx.Response(200, json=self._store.subscription(its_id).document)

    def _change(self, request: httpx.Request, its_id: str) -> httpx.Response:
        before = self._store.subscription(its_id)
        changed = self._store.subscribe(
            {**before.document, **json.loads(request.content)}, subscription_id=its_id
        )
        changed.secret, changed.inbox = before.secret, before.inbox
        changed.acknowledged = before.acknowledged
        return httpx.Response(200, json=changed.document)

    def _unsubscribe(self, _: httpx.Request, its_id: str) -> httpx.Response:
        self._store.subscription(its_id)
        with self._store.lock:
            del self._store.subscriptions[its_id]
        return httpx.Response(204)

    def _fetch(self, request: httpx.Request, its_id: str) -> httpx.Response:
        asked, found = request.url.params, self._store.subscription(its_id)
        limit = int(asked.get("limit", 50))
        if (cursor := asked.get("cursor")) is not None:
            items = self._store.items(found, int(cursor), limit)
            end = str(int(cursor) + len(items))
            answer = {"items": items, "cursor": end, "lease": None, "lease_expires_at": None}
            return httpx.Response(200, json=answer)
        # A client for asyncio calls this in its loop, which must not wait for long.
        with self._arrived:
            self._arrived.wait_for(lambda: len(found.inbox) > found.acknowledged, 0.02)
        return httpx.Response(
            200, json=self._store.take(found, limit, float(asked.get("lease", 30)))
        )

    def _acknowledge(self, request: httpx.Request, its_id: str) -> httpx.Response:
        self._store.acknowledge(self._store.subscription(its_id), json.loads(request.content))
        return httpx.Response(204)

    def _ready(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"status": "pass"})


def _page(found: list[Document], asked: httpx.QueryParams) -> httpx.Response:
    begun, limit = int(asked.get("cursor", 0)), int(asked.get("limit", 50))
    end = begun + limit
    cursor = str(end) if end < len(found) else None
    return httpx.Response(200, json={"items": found[begun:end], "next_cursor": cursor})


def _document(problem: Problem) -> Document:
    return {
        "type": f"urn:event-bus:problem:{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "errors": [{"pointer": each.pointer, "detail": each.detail} for each in problem.faults],
    }


_Respond = Callable[..., httpx.Response]
_ROUTES: list[tuple[str, re.Pattern[str], _Respond]] = [
    (method, re.compile(path), respond)
    for method, path, respond in (
        ("POST", "/events", FakeBus._publish),
        ("GET", "/events", FakeBus._events),
        ("GET", "/events/([^/]+)", FakeBus._event),
        ("POST", "/subscriptions", FakeBus._subscribe),
        ("GET", "/subscriptions", FakeBus._subscriptions),
        ("GET", "/subscriptions/([^/]+)", FakeBus._subscription),
        ("PATCH", "/subscriptions/([^/]+)", FakeBus._change),
        ("DELETE", "/subscriptions/([^/]+)", FakeBus._unsubscribe),
        ("GET", "/subscriptions/([^/]+)/events", FakeBus._fetch),
        ("POST", "/subscriptions/([^/]+)/ack", FakeBus._acknowledge),
        ("GET", "/health/ready", FakeBus._ready),
    )
]
