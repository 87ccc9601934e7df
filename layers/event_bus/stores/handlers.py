"""The handlers of commands: the one subscription that handles each type.

A handler is an item of the table of changes, under a log of its own that no router reads. The
transaction that stores a subscription claims its types, so two subscriptions never share one.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_bus.model.subscription import Subscription
from event_bus.stores.items import Item, number, text
from event_bus.stores.refusals import HandlerTaken, Outdated
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part

if TYPE_CHECKING:
    from event_bus.stores.table import Condition

_FREE_OR_OWN = "attribute_not_exists(#log) OR subscription_id = :own"


@dataclass(frozen=True, slots=True)
class Handler:
    """The handler of a type of commands.

    Attributes:
        subscription_id: The subscription.
        service_id: The service that it belongs to.
    """

    subscription_id: str
    service_id: str


@dataclass(frozen=True, slots=True)
class HandlerStore:
    """Finds the handlers of commands, and claims types for subscriptions.

    Attributes:
        table: The table of changes.
    """

    table: Table

    def of(self, event_type: str) -> Handler | None:
        """Returns the handler of a command type, or None."""
        item = self.table.get(_key(event_type), ConsistentRead=True)
        return Handler(item["subscription_id"]["S"], item["service_id"]["S"]) if item else None

    def claiming_parts(self, subscription: Subscription) -> list[Part]:
        """Returns the parts that claim the types of a subscription that handles commands."""
        return [self._claim(each, subscription) for each in _handled_types(subscription)]

    def releasing_parts(self, subscription: Subscription) -> list[Part]:
        """Returns the parts that release the types of a subscription that handles commands."""
        return [self._release(each, subscription) for each in _handled_types(subscription)]

    def changing_parts(self, before: Subscription, after: Subscription) -> list[Part]:
        """Returns the parts that release and claim what differs between two subscriptions."""
        had, has = _handled_types(before), _handled_types(after)
        released = [self._release(each, after) for each in had if each not in has]
        return released + [self._claim(each, after) for each in has if each not in had]

    def _claim(self, event_type: str, subscription: Subscription) -> Part:
        item = {
            **_key(event_type),
            "subscription_id": text(subscription.id),
            "service_id": text(subscription.service_id),
        }
        return self.table.put_part(item, HandlerTaken(event_type), **_condition(subscription))

    def _release(self, event_type: str, subscription: Subscription) -> Part:
        return self.table.delete_part(
            _key(event_type), Outdated(subscription.id), **_condition(subscription)
        )


def _handled_types(subscription: Subscription) -> list[str]:
    return subscription.event_types if subscription.handles else []


def _key(event_type: str) -> Item:
    return {"log": text(f"handler of {event_type}"), "version": number(0)}


def _condition(subscription: Subscription) -> "Condition":
    return {
        "ConditionExpression": _FREE_OR_OWN,
        "ExpressionAttributeNames": {"#log": "log"},
        "ExpressionAttributeValues": {":own": text(subscription.id)},
    }
