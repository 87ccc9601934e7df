"""Server-Sent Events in finite answers, which a client requests one after the other."""

import re
from dataclasses import dataclass

from event_bus.access.callers import Caller
from event_bus.inbox.listeners import Listeners
from event_bus.inbox.reader import InboxReader
from event_bus.inbox.sse_format import reset, sse_events
from event_bus.model.subscription import Subscription
from event_bus.requests.fetching import SSE_WAIT_SECONDS
from event_bus.stores.inboxes import InboxStore

AWAY_SECONDS = 120
"""How long a listener may stay away after an answer without missing anything, in seconds."""

LISTENER_SECONDS = 2 * (AWAY_SECONDS + SSE_WAIT_SECONDS)
"""How long a listener lasts, in seconds; a request prolongs it only once half of this is left."""

_MOST = 100
_PLACE = re.compile(r"[0-9]{1,15}", re.ASCII)
_RESUMED = re.compile(r"(sub_[0-9A-Za-z]{1,64})\.([0-9]{1,15})", re.ASCII)

_ENDED = "the listener was away too long, or the last event id is of another inbox"
_FOREIGN = "the last event id is of another inbox"
_BEYOND = "the last event id is beyond the end of the inbox"


@dataclass(frozen=True, slots=True)
class ServerSentEvents:
    """Answers requests for Server-Sent Events.

    Attributes:
        inboxes: The inboxes.
        reader: Reads them.
        listeners: The subscriptions of listeners.
    """

    inboxes: InboxStore
    reader: InboxReader
    listeners: Listeners

    def follow(self, subscription: Subscription, last_id: str | None, wait: float) -> str:
        """Answers a request for a subscription's events.

        Args:
            subscription: The subscription.
            last_id: The last id that the client has seen; without one, it receives new events only.
            wait: How many seconds to wait for the first event.
        """
        if last_id is not None and not _PLACE.fullmatch(last_id):
            return reset(str(self.inboxes.last(subscription.id)), _FOREIGN)
        position = None if last_id is None else int(last_id)
        return self._answer(subscription.id, position, wait)

    def listen(
        self, event_types: list[str], caller: Caller, last_id: str | None, wait: float
    ) -> tuple[str, str | None]:
        """Answers a request for event types, whose listener ends when the client stays away.

        Args:
            event_types: The type patterns.
            caller: Who listens.
            last_id: The last id that the client has seen; it also names the listener.
            wait: How many seconds to wait for the first event.

        Returns:
            The answer, and the id of a listener that began with it, if any.

        Raises:
            Forbidden: The caller's token is for one subscription.
        """
        resumed = _RESUMED.fullmatch(last_id) if last_id else None
        if resumed:
            subscription = self.listeners.subscriptions.get(resumed[1])
            if subscription and self._may_resume(subscription, event_types, caller):
                place = int(resumed[2])
                return self._answer(subscription.id, place, wait, f"{subscription.id}."), None
        begun = self.listeners.begin(event_types, {}, caller, "sse", LISTENER_SECONDS)
        # Answer at once: the client then knows that it receives everything from now on.
        name = f"{begun.id}."
        answer = reset(f"{name}0", _ENDED) if last_id else sse_events([], 0, name)
        return answer, begun.id

    def _answer(
        self, subscription_id: str, position: int | None, wait: float, name: str = ""
    ) -> str:
        # The place 0 is never beyond the end, so the end is not read for it.
        end = self.inboxes.last(subscription_id) if position != 0 else 0
        if position is None:
            position = end
        elif position > end:
            return reset(f"{name}{end}", _BEYOND)
        return sse_events(*self.reader.read(subscription_id, position, _MOST, wait), name)

    def _may_resume(
        self, subscription: Subscription, event_types: list[str], caller: Caller
    ) -> bool:
        return (
            subscription.service_id == caller.service_id
            and subscription.event_types == event_types
            and self.listeners.prolong(subscription, LISTENER_SECONDS)
        )
