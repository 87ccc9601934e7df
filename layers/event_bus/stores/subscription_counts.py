"""The exact numbers of subscriptions and listeners of each service.

The counts of a service are an item of the table of changes, under a log of its own that nobody
reads. Each transaction that adds or removes a subscription changes them. An index would not do,
because it may lag.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from event_bus.conflicts import attempts
from event_bus.model.subscription import Subscription
from event_bus.stores.items import ConditionFailed, Item, number, text
from event_bus.stores.refusals import Outdated, QuotaReached, Refused
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part

_LOG = "subscriptions of "


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a service.

    Attributes:
        subscriptions: The number of subscriptions that stay until they are removed.
        listeners: The number of subscriptions that end by themselves.
    """

    subscriptions: int
    listeners: int


@dataclass(frozen=True, slots=True)
class SubscriptionCounts:
    """Counts the subscriptions of services.

    Attributes:
        table: The table of changes.
        existing: Returns all subscriptions of a service, for the first count.
    """

    table: Table
    existing: Callable[[str], Iterable[Subscription]]

    def of(self, service_id: str) -> Counts:
        """Returns the counts of a service, without storing them."""
        return _counts(self._item(service_id)) or self._found(service_id)

    def stored(self, service_id: str) -> Counts:
        """Returns the counts of a service, and stores them if they were not yet.

        The parts of the other methods are refused unless the counts are stored.

        Raises:
            TimeoutError: Other requests changed the service's item in every attempt.
        """
        for _ in attempts():
            item = self._item(service_id)
            if counts := _counts(item) or self._begin(service_id, item):
                return counts
        raise TimeoutError("too many changes of a service at once")

    def adding_part(self, subscription: Subscription, most: int | None) -> Part:
        """Returns the part that counts a new subscription.

        Args:
            subscription: The subscription.
            most: The number of its kind at which the part is refused.
        """
        name = _kind(subscription)
        condition, values = "attribute_exists(listeners)", Item()
        if most is not None:
            condition += f" AND {name} < :most"
            values[":most"] = number(most)
        refusal = QuotaReached(subscription.service_id)
        return self._changing_part(subscription, 1, refusal, condition, values)

    def removing_part(self, subscription: Subscription, *, last: bool | None = None) -> Part:
        """Returns the part that counts a removed subscription.

        Args:
            subscription: The subscription.
            last: Whether it must be, or must not be, the last of its kind; None if either will do.
        """
        condition, values = "attribute_exists(listeners)", Item()
        if last is not None:
            condition += f" AND {_kind(subscription)} {'<=' if last else '>'} :one"
            values[":one"] = number(1)
        refusal = Outdated(subscription.service_id)
        return self._changing_part(subscription, -1, refusal, condition, values)

    def check_part(self, service_id: str, *, subscribed: bool) -> Part:
        """Returns the part that demands that a service has, or has not, lasting subscriptions."""
        return self.table.check_part(
            _key(service_id),
            Outdated(service_id),
            ConditionExpression="attribute_exists(listeners) AND "
            f"subscriptions {'>' if subscribed else '<='} :none",
            ExpressionAttributeValues={":none": number(0)},
        )

    def _changing_part(
        self, subscription: Subscription, by: int, refusal: Refused, condition: str, values: Item
    ) -> Part:
        name = _kind(subscription)
        return self.table.update_part(
            _key(subscription.service_id),
            refusal,
            UpdateExpression=f"SET {name} = {name} + :by",
            ConditionExpression=condition,
            ExpressionAttributeValues={**values, ":by": number(by)},
        )

    def _item(self, service_id: str) -> Item:
        return self.table.get(_key(service_id), ConsistentRead=True) or {}

    def _found(self, service_id: str) -> Counts:
        lasting = [each.ends_at is None for each in self.existing(service_id)]
        return Counts(sum(lasting), len(lasting) - sum(lasting))

    def _begin(self, service_id: str, item: Item) -> Counts | None:
        """Stores the present counts and returns them; None if the item changed meanwhile.

        Earlier releases stored the attribute `subscriptions` alone, and not for every service.
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
        with suppress(ConditionFailed):
            self.table.update(
                _key(service_id),
                UpdateExpression="SET subscriptions = :subscriptions, listeners = :listeners",
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
            return found
        return None


def _counts(item: Item) -> Counts | None:
    if "listeners" not in item:
        return None
    return Counts(int(item["subscriptions"]["N"]), int(item["listeners"]["N"]))


def _kind(subscription: Subscription) -> str:
    # A listener ends by itself: it keeps no service alive.
    return "subscriptions" if subscription.ends_at is None else "listeners"


def _key(service_id: str) -> Item:
    return {"log": text(f"{_LOG}{service_id}"), "version": number(0)}
