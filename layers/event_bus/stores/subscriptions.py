"""The table of subscriptions. Each change is also an entry of the log of changes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from event_bus.model.routing_rule import RoutingRule, routing_rule
from event_bus.model.subscription import Subscription
from event_bus.model.target import TargetTypes
from event_bus.stores.changes import ChangeLog
from event_bus.stores.handlers import HandlerStore
from event_bus.stores.items import ConditionFailed, Item, number, of_service_or_all, text
from event_bus.stores.refusals import IdRetired, IdTaken, Outdated, Refused
from event_bus.stores.subscription_counts import SubscriptionCounts
from event_bus.stores.subscription_items import ENDING, KIND, read_subscription, subscription_item
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part

if TYPE_CHECKING:
    from event_bus.stores.table import Condition

CHOSEN = "."
"""The character that only identifiers chosen by clients contain."""

_REMOVED = "removed "


@dataclass(frozen=True, slots=True)
class SubscriptionStore:
    """Finds, lists and changes subscriptions.

    Attributes:
        table: The table of subscriptions.
        targets: Reads stored targets.
        changes: The table of their changes, for those who change or follow them.
    """

    table: Table
    targets: TargetTypes
    changes: Table

    def get(self, subscription_id: str) -> Subscription | None:
        """Returns the subscription with this id, or None."""
        item = self.table.get(_key(subscription_id), ConsistentRead=True)
        return self._read(item) if item else None

    def get_many(self, subscription_ids: Iterable[str]) -> dict[str, Subscription]:
        """Returns those of these subscriptions that exist, by id."""
        keys = [_key(each) for each in dict.fromkeys(subscription_ids)]
        items = self.table.batch_get(keys, ConsistentRead=True)
        return {item["id"]["S"]: self._read(item) for item in items}

    def page(self, service_id: str | None, after: str | None, limit: int) -> list[Subscription]:
        """Returns subscriptions of one service or of all, oldest first, beginning after `after`."""
        index, partition = of_service_or_all(service_id, KIND)
        behind = ("id", after or " ")
        items = self.table.index_page(index, partition, behind, limit)
        return [self._read(item) for item in items]

    def of_service(self, service_id: str | None) -> Iterator[Subscription]:
        """Yields all subscriptions of a service, or of all services."""
        after = None
        while page := self.page(service_id, after, 100):
            yield from page
            after = page[-1].id

    @property
    def counts(self) -> SubscriptionCounts:
        """The counts of subscriptions by service."""
        return SubscriptionCounts(self.changes, self._existing)

    @property
    def handlers(self) -> HandlerStore:
        """The handlers of commands."""
        return HandlerStore(self.changes)

    def create(
        self, subscription: Subscription, further: Sequence[Part] = (), *, most: int | None = None
    ) -> Subscription:
        """Adds a subscription.

        Args:
            subscription: The subscription. Its version is assigned here.
            further: Further parts of the transaction.
            most: The largest number of its kind, subscriptions or listeners, of its service.

        Returns:
            The subscription as it is stored.

        Raises:
            IdTaken: There is a subscription with this id.
            IdRetired: A removed subscription had the id.
            HandlerTaken: Another subscription handles one of its types.
            QuotaReached: The service has `most` subscriptions, or listeners.
            Refused: A condition of a further part did not hold.
        """
        self.counts.stored(subscription.service_id)
        new: Condition = {"ConditionExpression": "attribute_not_exists(id)"}
        parts = [
            *self._unused_part(subscription),
            self.counts.adding_part(subscription, most),
            *self.handlers.claiming_parts(subscription),
            *further,
        ]
        return self._write(subscription, new, IdTaken(subscription.id), parts)

    def update(
        self,
        subscription: Subscription,
        further: Sequence[Part] = (),
        *,
        before: Subscription | None = None,
    ) -> Subscription:
        """Replaces a subscription that was read at its version.

        Args:
            subscription: The subscription. Its next version is assigned here.
            further: Further parts of the transaction.
            before: The subscription as it was read, if the change may concern handled commands.

        Returns:
            The subscription as it is stored.

        Raises:
            Outdated: It has changed since it was read, or is gone.
            HandlerTaken: Another subscription handles one of its types.
            Refused: A condition of a further part did not hold.
        """
        current = _at_version(subscription)
        parts = self.handlers.changing_parts(before, subscription) if before else []
        return self._write(subscription, current, Outdated(subscription.id), [*parts, *further])

    def delete(
        self, subscription: Subscription, further: Sequence[Part] = (), *, last: bool | None = None
    ) -> None:
        """Removes a subscription that was read at its version.

        Args:
            subscription: The subscription.
            further: Further parts of the transaction.
            last: Whether it must be, or must not be, the last lasting subscription of its service;
                None if either will do.

        Raises:
            Outdated: It has changed since it was read, or is gone, or `last` is wrong.
            Refused: A condition of a further part did not hold.
        """
        self.counts.stored(subscription.service_id)
        outdated = Outdated(subscription.id)
        parts = [
            self.table.delete_part(_key(subscription.id), outdated, **_at_version(subscription)),
            self.counts.removing_part(subscription, last=last),
            *self.handlers.releasing_parts(subscription),
            *further,
            *self._removed_part(subscription),
        ]
        self._log.append(
            lambda version: _change(subscription, version, deleted=True), lambda _: parts
        )

    def prolong(self, subscription_id: str, ends_at: int) -> bool:
        """Postpones the end of a listener's subscription; routers need not learn of it.

        A later end stays, because another function has postponed it since.

        Returns:
            Whether the subscription still existed.
        """
        try:
            self.table.update(
                _key(subscription_id),
                UpdateExpression="SET ends_at = :end",
                ConditionExpression="ends_at < :end",
                ExpressionAttributeValues={":end": number(ends_at)},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as refusal:
            return "ends_at" in refusal.standing
        return True

    def ended(self, before: int, limit: int) -> list[str]:
        """Returns the ids of subscriptions that ended before a time (Unix seconds), in order."""
        items = self.table.query(
            limit,
            IndexName="by_end",
            KeyConditionExpression="ending = :ending AND ends_at < :before",
            ExpressionAttributeValues={":ending": text(ENDING), ":before": number(before)},
        )
        return [item["id"]["S"] for item in items]

    def routing_rules(self) -> Iterator[RoutingRule]:
        """Yields the routing rule of every subscription by a scan, for a router that starts."""
        for item in self.table.scan_all(ConsistentRead=True):
            members = orjson.loads(item["document"]["S"])
            yield routing_rule(members, self.targets.lane_of(members["target"]["type"]))

    def _read(self, item: Mapping[str, Any]) -> Subscription:
        return read_subscription(item, self.targets)

    def _existing(self, service_id: str) -> Iterable[Subscription]:
        # The index may still show what is gone.
        return self.get_many(each.id for each in self.of_service(service_id)).values()

    def _write(
        self,
        subscription: Subscription,
        condition: "Condition",
        refusal: Refused,
        further: Sequence[Part],
    ) -> Subscription:
        def parts(version: int) -> list[Part]:
            item = subscription_item(replace(subscription, version=version))
            return [self.table.put_part(item, refusal, **condition), *further]

        version = self._log.append(lambda version: _change(subscription, version), parts)
        return replace(subscription, version=version)

    @property
    def _log(self) -> ChangeLog:
        return ChangeLog(self.changes)

    def _unused_part(self, subscription: Subscription) -> list[Part]:
        """Returns the part that is refused if a removed subscription had a chosen id.

        A message to the removed subscription would otherwise reach the new one.
        """
        if CHOSEN not in subscription.id:
            return []
        check = self.changes.check_part(
            _removal_key(subscription.id),
            IdRetired(subscription.id),
            ConditionExpression="attribute_not_exists(#log)",
            ExpressionAttributeNames={"#log": "log"},
        )
        return [check]

    def _removed_part(self, subscription: Subscription) -> list[Part]:
        """Returns the part that records that a chosen id was used."""
        if CHOSEN not in subscription.id:
            return []
        return [self.changes.put_part(_removal_key(subscription.id))]


def _at_version(subscription: Subscription) -> "Condition":
    """Returns the condition that a subscription has not changed since it was read."""
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": number(subscription.version)},
    }


def _key(subscription_id: str) -> Item:
    return {"id": text(subscription_id)}


def _removal_key(subscription_id: str) -> Item:
    return {"log": text(f"{_REMOVED}{subscription_id}"), "version": number(0)}


def _change(subscription: Subscription, version: int, *, deleted: bool = False) -> dict[str, Any]:
    """Returns the entry of a change in the log."""
    members = {**asdict(subscription), "version": version}
    rule = routing_rule(members, subscription.target.lane)
    return asdict(replace(rule, active=rule.active and not deleted))
