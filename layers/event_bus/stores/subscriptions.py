"""The table of subscriptions. Each change of one is an entry of the log of changes as well."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from event_bus.model.filters import Filters
from event_bus.model.registration import (
    SealedSecret,
    Subscription,
    received_since,
)
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.target import Protocol, read_target
from event_bus.stored import restored
from event_bus.stores.changes import ChangeLog, Refused
from event_bus.stores.items import (
    Item,
    batch_get,
    document,
    number,
    query_items,
    text,
    unless_refused,
)
from event_bus.stores.subscription_counts import SubscriptionCounts

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CHOSEN = "."
"""What stands in identifiers that clients chose, and in no others."""

_KIND = "subscription"
_REMOVED = "removed "
_ENDING = "by_itself"


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """What routing needs of a subscription: neither its target nor its secret.

    Attributes:
        id: The subscription.
        service_id: The service that it belongs to.
        event_types: The type patterns that it receives.
        filters: The event patterns that narrow them.
        active: Whether it receives anything; False also for one that was deleted.
        version: The number of the change that made it so.
        protocol: How it is delivered.
        since: When the first event that it receives was stored, at the earliest; RFC 3339.
    """

    id: str
    service_id: str
    event_types: list[str]
    filters: Filters
    active: bool
    version: int
    protocol: Protocol
    since: str = ""


class Outdated(Exception):
    """The subscription has changed, or gone, since it was read."""


class QuotaReached(Exception):
    """The service has as many subscriptions of the kind as it may have."""


class Used(Exception):
    """A removed subscription had the identifier."""


@dataclass(frozen=True, slots=True)
class SubscriptionStore:
    """Finds, lists and changes subscriptions.

    Attributes:
        client: The DynamoDB client.
        table: The name of the table of subscriptions.
        changes: The name of the table of their changes, for those who change or follow them.
    """

    client: "DynamoDBClient"
    table: str
    changes: str = ""

    def get(self, subscription_id: str) -> Subscription | None:
        """The subscription of this id, or None."""
        answer = self.client.get_item(
            TableName=self.table, Key={"id": text(subscription_id)}, ConsistentRead=True
        )
        return _subscription(answer["Item"]) if "Item" in answer else None

    def get_many(self, subscription_ids: Iterable[str]) -> dict[str, Subscription]:
        """Those of these subscriptions that exist, by id."""
        keys = [{"id": text(each)} for each in dict.fromkeys(subscription_ids)]
        items = batch_get(self.client, self.table, keys, ConsistentRead=True)
        return {item["id"]["S"]: _subscription(item) for item in items}

    def page(self, service_id: str | None, after: str | None, limit: int) -> list[Subscription]:
        """Subscriptions, oldest first: all or those of one service, behind `after`."""
        index, name, value = (
            ("by_service", "service_id", service_id) if service_id else ("by_kind", "kind", _KIND)
        )
        items = query_items(
            self.client,
            limit,
            TableName=self.table,
            IndexName=index,
            KeyConditionExpression=f"{name} = :value AND id > :after",
            ExpressionAttributeValues={":value": text(value), ":after": text(after or " ")},
        )
        return [_subscription(item) for item in items]

    def of_service(self, service_id: str) -> Iterator[Subscription]:
        """All subscriptions of a service."""
        after = None
        while page := self.page(service_id, after, 100):
            yield from page
            after = page[-1].id

    @property
    def counts(self) -> SubscriptionCounts:
        """The counts of subscriptions by service."""
        return SubscriptionCounts(self.client, self.changes, self._existing)

    def create(
        self, subscription: Subscription, *further: Item, most: int | None = None
    ) -> Subscription:
        """Adds a subscription.

        Args:
            subscription: The subscription; its version is set here.
            further: Further parts of the same transaction.
            most: How many of its kind the service may have, lasting ones or listeners.

        Returns:
            The subscription as it is stored.

        Raises:
            QuotaReached: The service has so many already.
            Refused: A condition of the further parts did not hold.
        """
        self.counts.stored(subscription.service_id)
        counted = self.counts.adding(subscription, most)
        try:
            return self._write(subscription, "attribute_not_exists(id)", {}, (*further, counted))
        except Refused as refusal:
            if len(further) in refusal.parts:
                raise QuotaReached(subscription.service_id) from None
            raise

    def update(self, subscription: Subscription, *further: Item) -> Subscription:
        """Replaces a subscription that was read at its version.

        Args:
            subscription: The subscription; its next version is set here.
            further: Further parts of the same transaction.

        Returns:
            The subscription as it is stored.

        Raises:
            Outdated: It has changed or gone since.
            Refused: A condition of the further parts did not hold.
        """
        read_at = {":version": number(subscription.version)}
        return self._write(subscription, "version = :version", read_at, further)

    def delete(self, subscription: Subscription, *further: Item, last: bool | None = None) -> None:
        """Removes a subscription that was read at its version.

        Args:
            subscription: The subscription.
            further: Further parts of the same transaction.
            last: Whether it is the last one of its service that lasts, where that matters.

        Raises:
            Outdated: It has changed or gone since.
            Refused: A condition of the further parts did not hold, or `last` is not true.
        """
        self.counts.stored(subscription.service_id)
        counted = self.counts.removing(subscription, last=last)
        self._change(
            subscription,
            deleted=True,
            part=lambda _: {
                "Delete": {
                    "TableName": self.table,
                    "Key": {"id": text(subscription.id)},
                    "ConditionExpression": "version = :version",
                    "ExpressionAttributeValues": {":version": number(subscription.version)},
                }
            },
            further=(*further, counted),
        )

    def prolong(self, subscription_id: str, ends_at: int) -> bool:
        """Puts off the end of a subscription that ends by itself; routing does not hear of it.

        Returns:
            Whether it still was there.
        """
        with unless_refused():
            self.client.update_item(
                TableName=self.table,
                Key={"id": text(subscription_id)},
                UpdateExpression="SET ends_at = :end",
                ConditionExpression="attribute_exists(ends_at)",
                ExpressionAttributeValues={":end": number(ends_at)},
            )
            return True
        return False

    def ended(self, before: int, limit: int) -> list[str]:
        """Subscriptions whose end, in Unix seconds, lies before a moment; the oldest first."""
        answer = self.client.query(
            TableName=self.table,
            IndexName="by_end",
            KeyConditionExpression="ending = :ending AND ends_at < :before",
            ExpressionAttributeValues={":ending": text(_ENDING), ":before": number(before)},
            Limit=limit,
        )
        return [item["id"]["S"] for item in answer["Items"]]

    def routing_rules(self) -> Iterator[RoutingRule]:
        """What routing needs of every subscription: a scan, for a router that starts."""
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.table, ConsistentRead=True
        )
        for page in pages:
            for item in page["Items"]:
                yield _routing_rule(_subscription(item))

    def _existing(self, service_id: str) -> Iterable[Subscription]:
        # The index may still show what is gone.
        return self.get_many(each.id for each in self.of_service(service_id)).values()

    def _write(
        self,
        subscription: Subscription,
        condition: str,
        values: dict[str, Any],
        further: tuple[Item, ...] = (),
    ) -> Subscription:
        def part(version: int) -> Item:
            put: Item = {
                "TableName": self.table,
                "Item": _item(replace(subscription, version=version)),
                "ConditionExpression": condition,
            }
            if values:
                put["ExpressionAttributeValues"] = values
            return {"Put": put}

        version = self._change(subscription, part, further)
        return replace(subscription, version=version)

    def _change(
        self,
        subscription: Subscription,
        part: Callable[[int], Item],
        further: tuple[Item, ...] = (),
        *,
        deleted: bool = False,
    ) -> int:
        def describe(version: int) -> dict[str, Any]:
            rule = _routing_rule(replace(subscription, version=version))
            return asdict(replace(rule, active=rule.active and not deleted))

        once = self._once(subscription, deleted=deleted)
        try:
            return ChangeLog(self.client, self.changes).append(
                describe, lambda version: [part(version), *further, *once]
            )
        except Refused as refusal:
            if 0 in refusal.parts:
                raise Outdated(subscription.id) from None
            if once and len(further) + 1 in refusal.parts:
                raise Used(subscription.id) from None
            raise Refused(frozenset(each - 1 for each in refusal.parts)) from None

    def _once(self, subscription: Subscription, *, deleted: bool) -> tuple[Item, ...]:
        """The part by which a chosen identifier is that of one subscription and no later one.

        What is on its way to a removed subscription would reach another one of its identifier.
        """
        if CHOSEN not in subscription.id or (subscription.version and not deleted):
            return ()
        key = {"log": text(f"{_REMOVED}{subscription.id}"), "version": number(0)}
        if deleted:
            return ({"Put": {"TableName": self.changes, "Item": key}},)
        check: Item = {
            "TableName": self.changes,
            "Key": key,
            "ConditionExpression": "attribute_not_exists(#log)",
            "ExpressionAttributeNames": {"#log": "log"},
        }
        return ({"ConditionCheck": check},)


def _routing_rule(subscription: Subscription) -> RoutingRule:
    return RoutingRule(
        id=subscription.id,
        service_id=subscription.service_id,
        event_types=subscription.event_types,
        filters=subscription.filters,
        active=subscription.status == "active",
        version=subscription.version,
        protocol=subscription.target.lane,
        since=received_since(subscription.created_at),
    )


def _item(subscription: Subscription) -> Item:
    kept = asdict(replace(subscription, ends_at=None))
    # Beside the document: functions of an earlier version, which may run at the same time, know no
    # such member of a target.
    external_id = kept["target"].pop("external_id", None)
    item: Item = {
        "id": text(subscription.id),
        "kind": text(_KIND),
        "service_id": text(subscription.service_id),
        "version": number(subscription.version),
        "document": document(kept),
    }
    if external_id is not None:
        item["external_id"] = text(external_id)
    if subscription.ends_at is not None:
        item |= {"ending": text(_ENDING), "ends_at": number(subscription.ends_at)}
    return item


def _subscription(item: Mapping[str, Any]) -> Subscription:
    members = orjson.loads(item["document"]["S"])
    if policy := members.get("retry_policy"):
        members["retry_policy"] = restored(RetryPolicy, policy)
    if "external_id" in item:
        members["target"]["external_id"] = item["external_id"]["S"]
    members["target"] = read_target(members["target"])
    members["signing_secrets"] = tuple(
        restored(SealedSecret, each) for each in members["signing_secrets"]
    )
    if "ends_at" in item:
        members["ends_at"] = int(item["ends_at"]["N"])
    return restored(Subscription, members)
