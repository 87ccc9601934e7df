"""The router's view of the subscriptions, never older than the events in its hands."""

import gc
from dataclasses import dataclass, field

from event_bus.log import logger
from event_bus.matching.errors import InvalidPatternError
from event_bus.matching.event_view import EventView
from event_bus.matching.index import SubscriptionIndex
from event_bus.stores.subscriptions import Interest, SubscriptionStore


@dataclass(slots=True)
class RegistryView:
    """An index of the subscriptions, kept up by their numbered changes.

    Attributes:
        store: The subscriptions and their changes.
    """

    store: SubscriptionStore
    _version: int | None = None
    _index: SubscriptionIndex = field(default_factory=SubscriptionIndex)
    _interests: dict[str, Interest] = field(default_factory=dict)

    def refresh(self) -> None:
        """Takes in every change that was answered before this call: one read where none was."""
        if self._version is None:
            # The number first: what changes during the scan is taken in once more below.
            version = self.store.latest_change()
            for interest in self.store.interests():
                self._apply(interest)
            self._version = version
            # The index lives as long as the process: the collector need not walk it again.
            gc.freeze()
        for interest in self.store.changes_after(self._version):
            self._apply(interest)
            self._version = interest.version

    def matches(self, event_type: str, event: EventView) -> list[Interest]:
        """The subscriptions that an event matches, in the order of their ids.

        Args:
            event_type: The event's type.
            event: What patterns see of it.
        """
        found = self._index.match_view(event_type, event)
        return [self._interests[each] for each in sorted(found)]

    def _apply(self, interest: Interest) -> None:
        if not interest.active:
            self._forget(interest.id)
            return
        try:
            self._index.put(interest.id, interest.event_types, interest.filters)
        except InvalidPatternError:
            # Stored under other rules: that one receives nothing, the others all they should.
            logger.exception("subscription cannot be matched", subscription_id=interest.id)
            self._forget(interest.id)
            return
        self._interests[interest.id] = interest

    def _forget(self, subscription_id: str) -> None:
        self._index.remove(subscription_id)
        self._interests.pop(subscription_id, None)
