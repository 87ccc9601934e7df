"""How many subscriptions and listeners each service has, counted exactly.

The counts of a service are an item of the table of changes, under a log of its own that nobody
follows. Each transaction that registers or removes a subscription changes them. An index cannot
serve here, because it may lag.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_bus.model.registration import Subscription
from event_bus.stores.items import Item, number, text, unless_refused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LOG = "subscriptions of "
_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a service.

    Attributes:
        subscriptions: Its subscriptions that last until somebody removes them.
        listeners: Those that end by themselves.
    """

    subscriptions: int
    listeners: int


@dataclass(frozen=True, slots=True)
class SubscriptionCounts:
    """Counts the subscriptions of services.

    Attributes:
        client: The DynamoDB client.
        table: The name of the table of changes.
        existing: Finds all subscriptions of a service, for the first count.
    """

    client: "DynamoDBClient"
    table: str
    existing: Callable[[str], Iterable[Subscription]]

    def of(self, service_id: str) -> Counts:
        """The counts of a service, which are not stored where they were not yet."""
        return _counts(self._item(service_id)) or self._found(service_id)

    def stored(self, service_id: str) -> Counts:
        """The counts of a service, which are stored now where they were not yet.

        The other methods make parts of transactions that are refused without stored counts.

        Raises:
            TimeoutError: Others changed the service's item again and again.
        """
        for _ in range(_ATTEMPTS):
            item = self._item(service_id)
            if counts := _counts(item):
                return counts
            self._begin(service_id, item)
        raise TimeoutError("too many changes of a service at once")

    def adding(self, subscription: Subscription, most: int | None) -> Item:
        """The part that counts a new subscription.

        Args:
            subscription: The subscription.
            most: How many of its kind the service may have; the part is refused where it has them.
        """
        name = _kind(subscription)
        condition, values = "attribute_exists(listeners)", Item()
        if most is not None:
            condition += f" AND {name} < :most"
            values[":most"] = number(most)
        return self._changing(subscription, 1, condition, values)

    def removing(self, subscription: Subscription, *, last: bool | None = None) -> Item:
        """The part that counts a removed subscription.

        Args:
            subscription: The subscription.
            last: Whether it is the last of its kind; the part is refused where it is otherwise.
        """
        condition, values = "attribute_exists(listeners)", Item()
        if last is not None:
            condition += f" AND {_kind(subscription)} {'<=' if last else '>'} :one"
            values[":one"] = number(1)
        return self._changing(subscription, -1, condition, values)

    def check(self, service_id: str, *, subscribed: bool) -> Item:
        """The part that is refused unless a service has, or has not, lasting subscriptions."""
        return {
            "ConditionCheck": {
                "TableName": self.table,
                "Key": _key(service_id),
                "ConditionExpression": "attribute_exists(listeners) AND "
                f"subscriptions {'>' if subscribed else '<='} :none",
                "ExpressionAttributeValues": {":none": number(0)},
            }
        }

    def _changing(self, subscription: Subscription, by: int, condition: str, values: Item) -> Item:
        name = _kind(subscription)
        part: Item = {
            "TableName": self.table,
            "Key": _key(subscription.service_id),
            "UpdateExpression": f"SET {name} = {name} + :by",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {**values, ":by": number(by)},
        }
        return {"Update": part}

    def _item(self, service_id: str) -> Item:
        answer = self.client.get_item(
            TableName=self.table, Key=_key(service_id), ConsistentRead=True
        )
        return answer.get("Item", {})

    def _found(self, service_id: str) -> Counts:
        lasting = [each.ends_at is None for each in self.existing(service_id)]
        return Counts(sum(lasting), len(lasting) - sum(lasting))

    def _begin(self, service_id: str, item: Item) -> None:
        """Stores what is counted now, unless others change the item meanwhile.

        Earlier releases kept the attribute `subscriptions` alone, and not of every service.
        """
        found = self._found(service_id)
        values = {
            ":subscriptions": number(found.subscriptions),
            ":listeners": number(found.listeners),
        }
        condition = "attribute_not_exists(subscriptions)"
        if "subscriptions" in item:
            condition = "subscriptions = :read AND attribute_not_exists(listeners)"
            values[":read"] = item["subscriptions"]
        with unless_refused():
            self.client.update_item(
                TableName=self.table,
                Key=_key(service_id),
                UpdateExpression="SET subscriptions = :subscriptions, listeners = :listeners",
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )


def _counts(item: Item) -> Counts | None:
    if "listeners" not in item:
        return None
    return Counts(int(item["subscriptions"]["N"]), int(item["listeners"]["N"]))


def _kind(subscription: Subscription) -> str:
    # A listener ends by itself: it keeps no service alive.
    return "subscriptions" if subscription.ends_at is None else "listeners"


def _key(service_id: str) -> Item:
    return {"log": text(f"{_LOG}{service_id}"), "version": number(0)}
