"""Reads inboxes after a place, and waits for events if there are none."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from heapq import merge
from typing import Any

import orjson

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.access.payload_readers import PayloadReaders
from event_bus.access.receive_rights import RightsReader, is_fresh
from event_bus.inbox.waiting import Slot
from event_bus.model.commands import is_over
from event_bus.model.event import BUS_DOMAIN, UNREADABLE, UNREADABLE_DETAIL, Event
from event_bus.model.subscription import Subscription
from event_bus.paging import MAX_PAGE_BYTES, answered_bytes
from event_bus.stores.commands import CommandStore
from event_bus.stores.events import EventStore
from event_bus.stores.inboxes import InboxEntry, InboxStore
from event_bus.targets.envelope import envelope
from event_bus.targets.shaping import TRANSFORM_FAILED, shaped
from event_bus.targets.transport import DeliveryRequest
from event_bus.targets.upcasting import Upcaster
from event_bus.transforms.errors import TransformFailed

MOST_BYTES = 4 * 1024 * 1024
"""The most bytes of payload that one request reads."""

SHAPING_SECONDS = 5.0
"""The time, in seconds, after which a request neither upcasts nor transforms another event."""

_UNREADABLE_TYPE = f"{BUS_DOMAIN}.event.unreadable"
_LOOK_SECONDS = 0.5


def beyond_the_end(end: int) -> str:
    """Returns the error for a place beyond the end of an inbox."""
    return f"is beyond the end of the inbox, which is {end}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """An event from an inbox.

    Attributes:
        position: Its place there.
        delivery_id: Identifies the delivery; the same if it is repeated.
        type: The event's type.
        event: The event as its subscriber sees it: what its transform makes of it, if there is one.
        error: The code and the detail, if its transform failed or it cannot be read.
    """

    position: int
    delivery_id: str
    type: str
    event: Any
    error: dict[str, str] | None = None

    def document(self) -> dict[str, Any]:
        """Returns the event as the API answers it."""
        shown = {
            "cursor": str(self.position),
            "delivery_id": self.delivery_id,
            "event": self.event,
        }
        return {**shown, "error": self.error} if self.error else shown

    def without_payload(self) -> "Fetched":
        """Returns the event without its payload, for a client that fetches it elsewhere."""
        if isinstance(self.event, dict):
            name = "payload_base64" if "payload_base64" in self.event else "payload"
            return replace(self, event={**self.event, name: None})
        detail = "the transformed event is too large for a message; pull it"
        return replace(self, event=None, error={"code": "too_large", "detail": detail})


@dataclass(frozen=True, slots=True)
class InboxReader:
    """Reads inboxes.

    Attributes:
        inboxes: The inboxes.
        events: The events.
        readers: Opens payloads for those who may read them.
        upcaster: Brings events to the version that a subscription asks for.
        rights: Reads what a service may receive.
        subscription: Finds a subscription by its id.
        executor: Reads large payloads in parallel.
        commands: The records of commands; None if deadlines alone end them.
        clock: Monotonic clock, in seconds.
        sleep: Sleeps for a number of seconds.
        slot: Makes the context manager that holds a slot while the request waits.
    """

    inboxes: InboxStore
    events: EventStore
    readers: PayloadReaders
    upcaster: Upcaster
    rights: RightsReader
    subscription: Callable[[str], Subscription | None]
    executor: Executor
    commands: CommandStore | None = None
    clock: Callable[[], float] = times.steady
    sleep: Callable[[float], None] = times.sleep
    slot: Slot = nullcontext

    def read(
        self, subscription_id: str, position: int, limit: int, wait: float
    ) -> tuple[list[Fetched], int]:
        """Reads the events after a place, without changing anything.

        Args:
            subscription_id: Whose inbox.
            position: The place.
            limit: How many events at most.
            wait: How many seconds to wait for the first of them.

        Returns:
            The events in order, and the last place read. Events whose retention has ended, or that
            the subscriber may no longer receive, are skipped.

        Raises:
            TooManyRequests: The request would have to wait, and too many are waiting.
        """
        with ExitStack() as waiting:
            return self._read(subscription_id, position, limit, wait, waiting)

    def _read(
        self, subscription_id: str, position: int, limit: int, wait: float, waiting: ExitStack
    ) -> tuple[list[Fetched], int]:
        end = self.clock() + wait
        waits = False
        while True:
            entries = self.inboxes.after(subscription_id, position, limit)
            if entries:
                fetched, position = self._fetched(subscription_id, entries)
                if fetched:
                    return fetched, position
            if self.clock() + _LOOK_SECONDS > end:
                return [], position
            if not entries:
                if not waits:
                    waiting.enter_context(self.slot())
                    waits = True
                self.sleep(_LOOK_SECONDS)

    def _fetched(
        self, subscription_id: str, entries: list[InboxEntry]
    ) -> tuple[list[Fetched], int]:
        """Returns the events of the first entries, and the last place read."""
        events, unreadable = self._receivable(subscription_id, entries)
        entries = _first_entries(entries, events)
        chosen = [entry for entry in entries if entry.key.event_id in events]
        lost = [_unreadable(entry) for entry in entries if entry.key.event_id in unreadable]
        stored = [events[entry.key.event_id] for entry in chosen]
        found = self.executor.map(self.events.whole, stored)
        read = [(entry, event) for entry, event in zip(chosen, found, strict=True) if event]
        whole = [event for _, event in read]
        # The subscription is read only if it had a transform when an entry was stored.
        shaping = any(entry.shaped for entry, _ in read)
        subscription = self.subscription(subscription_id) if shaping else None
        made = (
            _as_seen(entry, event, subscription if entry.shaped else None)
            for (entry, _), event in zip(read, self._opened(subscription_id, whole), strict=True)
        )
        return self._that_fit(
            merge(made, lost, key=lambda each: each.position), entries[-1].position
        )

    def _receivable(
        self, subscription_id: str, entries: list[InboxEntry]
    ) -> tuple[dict[str, Event], set[str]]:
        """Returns the events that the subscriber receives, and the ids of unreadable ones.

        Events that have expired, that its service may no longer receive, or that are commands on
        which it must not act any more are in neither.
        """
        events, unreadable = self.events.readable(entry.key.event_id for entry in entries)
        if older := [event for event in events.values() if not is_fresh(event)]:
            for forbidden in self._forbidden(subscription_id, older):
                del events[forbidden.id]
        if commands := [event for event in events.values() if event.expected_replies]:
            for ended in self._ended(subscription_id, commands):
                del events[ended]
        return events, unreadable

    def _that_fit(self, fetched: Iterable[Fetched], position: int) -> tuple[list[Fetched], int]:
        """Returns as many events as an answer can hold, and at least one.

        A transform may return much more than it was given. It may take long for each event, and
        so may an upcast.

        Args:
            fetched: The events in order, made one by one.
            position: The last place read.
        """
        end = self.clock() + SHAPING_SECONDS
        fitting: list[Fetched] = []
        size = 0
        for each in fetched:
            size += answered_bytes(each.document())
            if fitting and (size > MAX_PAGE_BYTES or self.clock() > end):
                return fitting, fitting[-1].position
            fitting.append(each)
        return fitting, position

    def _forbidden(self, subscription_id: str, events: list[Event]) -> list[Event]:
        """Returns the events that the subscription's service may no longer receive."""
        subscription = self.subscription(subscription_id)
        if subscription is None:
            return events
        service_id = subscription.service_id
        rights = self.rights.of(service_id, {event.source for event in events})
        return [event for event in events if not rights.permits_event(service_id, event)]

    def _ended(self, subscription_id: str, commands: list[Event]) -> set[str]:
        """Returns the ids of the commands that the subscription must not act on any more."""
        over = {event.id for event in commands if is_over(event)}
        subscription = self.subscription(subscription_id)
        if self.commands is None or subscription is None or not subscription.handles:
            return over
        open_ones = [event for event in commands if event.is_command and event.id not in over]
        if not open_ones:
            return over
        records = self.commands.get_many(open_ones)
        return over | {each.event_id for each in records.values() if each.ended}

    def _opened(self, subscription_id: str, events: list[Event]) -> Iterable[Event]:
        """Yields events as their subscriber may see them, in the schema version that it asks for.

        Each is made when it is taken, so a page can end before the upcasts of all its events.
        """
        if not any(event.sealed_key or event.schema_version for event in events):
            return events
        subscription = self.subscription(subscription_id)
        # A subscription that was deleted meanwhile has no owner who may read.
        owner = Caller(subscription.service_id if subscription else "", "service")
        wanted = subscription.schema_version if subscription else None
        return (self.upcaster.shown(self.readers.shown(event, owner), wanted) for event in events)


def _first_entries(entries: list[InboxEntry], events: Mapping[str, Event]) -> list[InboxEntry]:
    """Returns the first entries, with as many payloads as one request reads: at least one."""
    filled, chosen = 0, False
    for place, entry in enumerate(entries):
        event = events.get(entry.key.event_id)
        if event is None:
            continue
        filled += event.payload_bytes
        if chosen and filled > MOST_BYTES:
            return entries[:place]
        chosen = True
    return entries


def _unreadable(entry: InboxEntry) -> Fetched:
    """Returns an entry whose event cannot be read. The entries behind it must not wait for it."""
    error = {"code": UNREADABLE, "detail": UNREADABLE_DETAIL}
    return Fetched(entry.position, entry.key.webhook_id, _UNREADABLE_TYPE, None, error)


def _as_seen(entry: InboxEntry, event: Event, subscription: Subscription | None) -> Fetched:
    """Returns an entry as its subscriber sees it, shaped by the subscription's transform."""
    position, delivery_id = entry.position, entry.key.webhook_id
    if subscription is None or subscription.transform is None:
        return Fetched(position, delivery_id, event.type, envelope(entry.key, event))
    try:
        made = shaped(DeliveryRequest(entry.key, event, subscription))
    except TransformFailed as failure:
        error = {"code": TRANSFORM_FAILED, "detail": failure.detail}
        return Fetched(position, delivery_id, event.type, None, error)
    shown = orjson.Fragment(made.as_json()) if made else None
    return Fetched(position, delivery_id, event.type, shown)
