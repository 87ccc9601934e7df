"""The router's view of subscriptions and rights, never older than the events that it routes."""

import gc
from dataclasses import dataclass, field

from event_bus.access.receive_rights import ReceiveRights
from event_bus.log import logger
from event_bus.matching.errors import InvalidPatternError
from event_bus.matching.event_view import EventView
from event_bus.matching.index import SubscriptionIndex
from event_bus.model.event import Event
from event_bus.model.read_model import model_name
from event_bus.model.routing_rule import RoutingRule
from event_bus.model.stream_name import StreamName
from event_bus.stored import restored
from event_bus.stores.changes import ChangeLog
from event_bus.stores.read_models import ReadModelStore, live_change
from event_bus.stores.rights import RightsStore, right_in
from event_bus.stores.subscriptions import SubscriptionStore


@dataclass(slots=True)
class RegistryView:
    """The subscriptions and what services may receive, kept current by numbered changes.

    Attributes:
        store: The subscriptions.
        rights_store: What services may receive, as it is stored.
        log: The changes of both.
        rights: What services may receive.
        models: The read models; None in functions that announce no events to them.
    """

    store: SubscriptionStore
    rights_store: RightsStore
    log: ChangeLog
    rights: ReceiveRights
    models: ReadModelStore | None = None
    _version: int | None = None
    _index: SubscriptionIndex = field(default_factory=SubscriptionIndex)
    _rules: dict[str, RoutingRule] = field(default_factory=dict)
    _live_models: set[str] = field(default_factory=set)

    def refresh(self) -> None:
        """Applies every change that was answered before this call; one read if there is none.

        Of several changes of a subscription, only the last one is applied: each could take longer
        than to route many events.
        """
        latest = self._read_all() if self._version is None else self._version
        changed_rules: dict[str, RoutingRule] = {}
        for version, change in self.log.after(latest):
            if changed := right_in(change):
                self.rights.take(changed)
            elif model := live_change(change):
                self._take_model(*model)
            elif "kind" not in change:
                # A later version of the bus may write changes of other kinds.
                rule = restored(RoutingRule, change)
                changed_rules[rule.id] = rule
            latest = version
        for rule in changed_rules.values():
            self._apply(rule)
        self._version = latest

    def matches(self, event: Event, seen: EventView) -> list[RoutingRule]:
        """Returns the subscriptions that an event matches and whose services may receive it.

        Args:
            event: The event.
            seen: The event as patterns see it.
        """
        found = self._index.match_view(event.type, seen)
        matched = [self._rules[each] for each in sorted(found)]
        return [
            each
            for each in matched
            # An event about a subscription is not sent to that subscription, which may be failing.
            if self.rights.permits_event(each.service_id, event) and each.id != event.about
        ]

    def rule(self, subscription_id: str) -> RoutingRule | None:
        """Returns the routing rule of a subscription; None if it receives nothing."""
        return self._rules.get(subscription_id)

    def has_model(self, stream: StreamName) -> bool:
        """Returns whether the category of a stream has a read model."""
        return bool(self._live_models) and model_name(stream) in self._live_models

    def _read_all(self) -> int:
        """Reads the whole registry, and returns the number of the last change before that."""
        # The number is read first: changes during the scan are applied again afterwards.
        version = self.log.latest()
        for rule in self.store.routing_rules():
            self._apply(rule)
        for right in self.rights_store.all():
            self.rights.take(right)
        if self.models:
            self._live_models = {each.name for each in self.models.all() if each.live}
        # The index lives as long as the process, so the garbage collector need not visit it.
        gc.freeze()
        self._version = version
        return version

    def _take_model(self, name: str, live: bool) -> None:
        if live:
            self._live_models.add(name)
        else:
            self._live_models.discard(name)

    def _apply(self, rule: RoutingRule) -> None:
        if not rule.active:
            self._forget(rule.id)
            return
        try:
            self._index.put(rule.id, rule.event_types, rule.filters)
        except InvalidPatternError:
            # It was stored under other rules. It receives nothing; others are not affected.
            logger.exception("subscription cannot be matched", subscription_id=rule.id)
            self._forget(rule.id)
            return
        self._rules[rule.id] = rule

    def _forget(self, subscription_id: str) -> None:
        self._index.remove(subscription_id)
        self._rules.pop(subscription_id, None)
