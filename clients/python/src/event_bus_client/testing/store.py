"""The content of the bus in memory: events in their order, and subscriptions."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from event_bus_client.publishing import new_id
from event_bus_client.testing.problems import conflict, missing, refused
from event_bus_client.testing.submissions import Document, Submission, envelope
from event_bus_client.testing.subscriptions import Subscription, subscription
from event_bus_client.times import now


@dataclass(frozen=True)
class Stored:
    """An event that is stored.

    Attributes:
        event: The event.
        matched: The subscriptions that it is for; none if it was stored before.
        repeated: Whether it was stored before.
    """

    event: Document
    matched: tuple[Subscription, ...] = ()
    repeated: bool = False


@dataclass
class Store:
    """Events and subscriptions. Threads share it, under its lock.

    Attributes:
        events: The events by id, in the order of publishing.
        subscriptions: The subscriptions by id.
        lock: Is held while something is changed, and notified afterwards.
        live: Whether an event may still be delivered to a subscription.
        statuses: The statuses of the deliveries of each event, by subscription.
    """

    events: dict[str, Document] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    lock: threading.Condition = field(default_factory=threading.Condition)
    live: Callable[[Document, Subscription], bool] = lambda *_: True
    statuses: dict[str, dict[str, str]] = field(default_factory=dict)
    _contents: dict[str, Document] = field(default_factory=dict)

    def known(self, sent: Submission) -> Document | None:
        """Returns an event that was stored by an earlier request with the same content, if any.

        Raises:
            Conflict: Another event has its id.
        """
        if (stored := self.events.get(sent.id)) is not None and not self.repeats(sent):
            raise conflict(f"Another event with the id {sent.id} is stored.")
        return stored

    def repeats(self, sent: Submission) -> bool:
        """Returns whether the event with this id has the same content."""
        return self._contents.get(sent.id) == sent.content

    def add(self, sent: Submission, metadata: Mapping[str, Any]) -> Stored:
        """Stores a new event, and routes it.

        Args:
            sent: The event.
            metadata: Members that the bus adds to its metadata.
        """
        event = {**sent.event, "metadata": {**sent.event["metadata"], **metadata}}
        self.events[sent.id], self._contents[sent.id] = event, sent.content
        matched = [each for each in self.subscriptions.values() if each.wants(event)]
        self.statuses[sent.id] = {each.id: "pending" for each in matched}
        for each in matched:
            self._deliver(each, sent.id)
        ready = tuple(each for each in matched if not each.paused)
        return Stored(event, ready)

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

    def subscribe(
        self, body: Any, service_id: str, subscription_id: str | None = None
    ) -> Subscription:
        """Stores a subscription, or replaces it.

        Args:
            body: What was sent.
            service_id: The service that it belongs to, unless it names one.
            subscription_id: Its id; None makes one.

        Raises:
            InvalidRequest: It is not valid.
            Conflict: It would be the second handler of a type.
        """
        made = subscription(body, service_id, subscription_id)
        with self.lock:
            self._check_rivals(made)
            before = self.subscriptions.get(made.id)
            self.subscriptions[made.id] = made
            if before is None:
                self._catch_up(made)
            else:
                made.secret, made.inbox, made.backlog = before.secret, before.inbox, before.backlog
                made.acknowledged = before.acknowledged
            self.lock.notify_all()
        return made

    def resume(self, found: Subscription, resume_from: str) -> list[Document]:
        """Returns the events that a subscription matched while it was paused.

        Args:
            found: The subscription, which is active again.
            resume_from: `backlog`, or `now` to leave them out.
        """
        with self.lock:
            kept, found.backlog[:] = list(found.backlog), []
            if resume_from == "now":
                return []
            for each in kept:
                self._deliver(found, each)
            self.lock.notify_all()
            return [self.events[each] for each in kept]

    def handler(self, event_type: str) -> Subscription | None:
        """Returns the handler of a command type, if there is one."""
        found = (
            each
            for each in self.subscriptions.values()
            if each.handles and event_type in each.document["event_types"]
        )
        return next(found, None)

    def take(self, found: Subscription, limit: int, seconds: float) -> Document:
        """Leases the next events of an inbox.

        Raises:
            Conflict: Another lease holds.
        """
        with self.lock:
            if found.lease_ends > time.monotonic() and found.acknowledged < found.taken:
                raise conflict(
                    "Another consumer has taken the next events, and its lease has not ended.",
                    retry_after=1,
                )
            items = self.items(found, found.acknowledged, limit)
            found.taken = int(items[-1]["cursor"]) if items else found.acknowledged
            found.lease = new_id("lease") if items else None
            found.lease_ends = time.monotonic() + seconds
            return {
                "items": items,
                "cursor": str(found.taken),
                "lease": found.lease,
                "lease_expires_at": now() if items else None,
            }

    def items(self, found: Subscription, after: int, limit: int) -> list[Document]:
        """Returns the events after a place of an inbox; without commands that have ended."""
        ids = found.inbox[after:]
        items = [
            {"cursor": str(place), "delivery_id": each, "event": envelope(self.events[each])}
            for place, each in enumerate(ids, after + 1)
            if self.live(self.events[each], found)
        ]
        return items[:limit]

    def acknowledge(self, found: Subscription, body: Mapping[str, Any]) -> None:
        """Acknowledges what a lease covers, or extends it.

        Raises:
            Conflict: The lease has ended.
        """
        with self.lock:
            if found.lease != body.get("lease") or found.lease_ends <= time.monotonic():
                raise conflict("This is not the current lease of the inbox.")
            if (cursor := body.get("cursor")) is not None:
                if int(cursor) > found.taken:
                    raise refused(("/cursor", "is not covered by the lease"))
                found.acknowledged = max(found.acknowledged, int(cursor))
            if (seconds := body.get("extend")) is not None:
                found.lease_ends = time.monotonic() + seconds

    def _deliver(self, found: Subscription, event_id: str) -> None:
        """Puts an event into the backlog or the inbox; callbacks are called later."""
        if found.paused:
            found.backlog.append(event_id)
        elif found.callback_url is None:
            found.inbox.append(event_id)
            self.statuses[event_id][found.id] = "delivered"

    def _catch_up(self, made: Subscription) -> None:
        first = (made.document["stream"] or {}).get("from_version")
        if first is None or made.callback_url is not None:
            return
        for event_id, event in self.events.items():
            if made.wants(event) and event["metadata"]["stream_version"] >= first:
                made.inbox.append(event_id)

    def _check_rivals(self, made: Subscription) -> None:
        if not made.handles:
            return
        for place, each in enumerate(made.document["event_types"]):
            rival = self.handler(each)
            if rival is not None and rival.id != made.id:
                detail = f"{each} has a handler already"
                raise conflict(f"{detail}.", (f"/event_types/{place}", detail))
