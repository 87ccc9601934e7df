"""Streams of Server-Sent Events, turn by turn."""

import re
from dataclasses import dataclass

from event_bus.fetching.event_stream import event_stream, reset
from event_bus.fetching.reader import InboxReader
from event_bus.model.registration import Subscription
from event_bus.registry.listeners import Listeners
from event_bus.security.callers import Caller
from event_bus.stores.inboxes import InboxStore

LISTENER_SECONDS = 120
"""How long a listener may be away between two turns without missing anything."""

_MOST = 100
_RESUMED = re.compile(r"(sub_[0-9A-Za-z]{1,64})\.([0-9]{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Streams:
    """Writes the turns of streams.

    Attributes:
        inboxes: The inboxes.
        reader: Reads them.
        listeners: The subscriptions of those who listen for a while.
    """

    inboxes: InboxStore
    reader: InboxReader
    listeners: Listeners

    def follow(self, subscription: Subscription, position: int | None, wait: float) -> str:
        """A turn of a subscription's stream.

        Args:
            subscription: The subscription.
            position: The last place that the client has seen; None begins where the present is.
            wait: How many seconds to wait for the first event.
        """
        if position is None:
            position = self.inboxes.last(subscription.id)
        return event_stream(*self.reader.read(subscription.id, position, _MOST, wait))

    def listen(
        self, event_types: list[str], caller: Caller, last_id: str | None, wait: float
    ) -> str:
        """A turn of a stream of event types, whose listener ends when the client stays away.

        Args:
            event_types: The type patterns.
            caller: Who listens.
            last_id: The last id that the client has seen; it names the listener, too.
            wait: How many seconds to wait for the first event.

        Raises:
            Forbidden: The caller's token is for one subscription.
        """
        resumed = _RESUMED.fullmatch(last_id) if last_id else None
        if resumed:
            subscription = self.listeners.subscriptions.get(resumed[1])
            if subscription and self._goes_on(subscription, event_types, caller):
                read = self.reader.read(subscription.id, int(resumed[2]), _MOST, wait)
                return event_stream(*read, f"{subscription.id}.")
        begun = self.listeners.begin(event_types, {}, caller, "sse", LISTENER_SECONDS)
        # At once: the client is to know that it hears all from now on.
        name = f"{begun.id}."
        return reset(name) if last_id else event_stream([], 0, name)

    def _goes_on(self, subscription: Subscription, event_types: list[str], caller: Caller) -> bool:
        return (
            subscription.service_id == caller.service_id
            and subscription.event_types == event_types
            and self.listeners.prolong(subscription, LISTENER_SECONDS)
        )
