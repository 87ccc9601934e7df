"""A bus in memory, behind the real client: its methods, its retries and its models are tested."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from event_bus_client._async.client import AsyncEventBus
from event_bus_client._bus.matching.event_types import matches_type
from event_bus_client._sync.client import EventBus
from event_bus_client._sync.receiver import Receiver
from event_bus_client.calls import RetryPolicy
from event_bus_client.errors import Conflict
from event_bus_client.models import Event
from event_bus_client.receiving import Answer
from event_bus_client.testing.api import Api
from event_bus_client.testing.network import AsyncioTransport, BlockingTransport, Outage
from event_bus_client.testing.store import Stored
from event_bus_client.testing.submissions import Document, envelope
from event_bus_client.testing.subscriptions import Subscription
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
    """Events, streams, commands, subscriptions, inboxes and webhooks in memory.

    Types, filters, versions and states of commands follow the rules of the bus, by its own code.
    Every event is routed before `publish` returns. There are no rights, schemas and replays, and a
    request for one is answered with 404.

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
            source: The service of a client that names none.
        """
        self._source = source
        self._api = Api(source, self._call_back)
        self._receivers: dict[str, Receiver] = {}
        self._undelivered: list[tuple[Subscription, Document]] = []
        self._failures: list[FailedDelivery] = []
        self._outage = Outage()

    def client(self, service_id: str | None = None) -> EventBus:
        """Returns a client of this bus.

        Args:
            service_id: The service that the client belongs to; None is the bus's `source`.
        """
        transport = BlockingTransport(self._api.store, self._api.respond, self._outage)
        return EventBus(_URL, service_id or self._source, retries=_QUICK, transport=transport)

    def async_client(self, service_id: str | None = None) -> AsyncEventBus:
        """Returns a client of this bus for asyncio.

        Args:
            service_id: The service that the client belongs to; None is the bus's `source`.
        """
        transport = AsyncioTransport(self._api.store, self._api.respond, self._outage)
        return AsyncEventBus(_URL, service_id or self._source, retries=_QUICK, transport=transport)

    def published(self, *patterns: str) -> list[Event]:
        """Returns the published events, in the order in which they were published.

        Args:
            patterns: Types or patterns that select them; all without one.
        """
        return [
            Event.model_validate(envelope(each))
            for each in list(self._api.store.events.values())
            if not patterns or any(matches_type(pattern, each["type"]) for pattern in patterns)
        ]

    def connect(
        self, receiver: Receiver, *event_types: str, reply: bool = False, **members: Any
    ) -> str:
        """Subscribes a receiver: its webhooks are signed and delivered when events are published.

        With `handles=True` the receiver handles commands: what its functions return is the reply.

        Args:
            receiver: Receives them, signed by its own secret.
            event_types: Types or patterns.
            reply: Whether its answers to requests are replies; those of a handler are.
            members: Further members of the subscription, such as `filters` or `service_id`.

        Returns:
            The subscription's id.
        """
        url = f"{_URL}/receivers/{len(self._receivers)}"
        replies = reply or bool(members.get("handles"))
        target = {"type": "http", "url": url, "reply": replies}
        self._receivers[url] = receiver
        body = {"event_types": list(event_types), "target": target, **members}
        return self._api.store.subscribe(body, self._source).id

    def deliver(self) -> list[FailedDelivery]:
        """Delivers once more each webhook that failed.

        Returns:
            Those that failed again.
        """
        with self._api.store.lock:
            again, self._undelivered, self._failures = self._undelivered, [], []
        for subscription, event in again:
            self._deliver(subscription, event)
        return self.failed_deliveries

    @property
    def failed_deliveries(self) -> list[FailedDelivery]:
        """The webhooks that failed and have not been delivered since."""
        return list(self._failures)

    def wait_for_listener(self, seconds: float = 5) -> None:
        """Waits until a program listens: an event that is published before is not for `listen`.

        Args:
            seconds: The longest wait.

        Raises:
            TimeoutError: No program listens by then.
        """
        with self._api.store.lock:
            if not self._api.store.lock.wait_for(lambda: self._api.listeners > 0, seconds):
                raise TimeoutError("no program listens")

    @contextmanager
    def outage(self, status: int = 503) -> Iterator[None]:
        """Answers every request within the block with a failure.

        Args:
            status: The status of the answers; 0 gives no answer.
        """
        self._outage.status = status
        try:
            yield
        finally:
            self._outage.status = None

    def _call_back(self, stored: Stored) -> None:
        """Delivers an event to the callbacks of its subscriptions."""
        for each in stored.matched:
            if each.callback_url is not None:
                self._deliver(each, stored.event)

    def _deliver(self, subscription: Subscription, event: Document) -> None:
        receiver = self._receivers.get(str(subscription.callback_url))
        store = self._api.store
        if receiver is None or not store.live(event, subscription):
            return
        body = json.dumps(envelope(event)).encode()
        webhook = receiver.webhook or Webhook(subscription.secret)
        headers = webhook.sign(event["id"], int(time.time()), body)
        answer = receiver.receive("POST", headers, body)
        replied = self._replied(event, subscription, answer)
        if replied or 200 <= answer.status < 300:
            store.statuses[event["id"]][subscription.id] = "delivered"
            return
        shown = Event.model_validate(envelope(event))
        with store.lock:
            self._undelivered.append((subscription, event))
            self._failures.append(
                FailedDelivery(subscription.id, shown, answer.status, answer.body)
            )

    def _replied(self, event: Document, subscription: Subscription, answer: Answer) -> bool:
        """Stores the answer of a callback if it is a reply."""
        try:
            stored = self._api.commands.answered(event, subscription, answer)
        except Conflict:
            # The command ended meanwhile. The receiver has acted, so it is not called again.
            return True
        if stored is None:
            return False
        self._api.deliver(stored)
        return True
