"""The deliveries that the sweeper reads, by the time at which they fall due."""

from contextlib import suppress
from dataclasses import dataclass

from event_bus.model.delivery import DeliveryKey
from event_bus.stores.delivery_items import item_key, key_of
from event_bus.stores.items import ConditionFailed, text
from event_bus.stores.table import Table


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery that waits in the table, or whose message may be lost.

    Attributes:
        key: The delivery's key.
        service_id: The service that owns the subscription.
        due_at: When the next attempt is due, RFC 3339.
        attempts: The number of attempts so far.
        round_start: The number of attempts before a person last reopened the delivery.
        protocol: The lane of the delivery.
    """

    key: DeliveryKey
    service_id: str
    due_at: str
    attempts: int
    round_start: int
    protocol: str


@dataclass(frozen=True, slots=True)
class DueDeliveries:
    """Lists and postpones due deliveries.

    Attributes:
        table: The deliveries table.
    """

    table: Table

    def page(self, shard: int, until: str, limit: int) -> list[DueDelivery]:
        """Returns the deliveries of an index shard that fall due by a time, earliest first.

        Args:
            shard: The number of the shard, from 0 to `delivery_items.SHARDS` - 1.
            until: The time, RFC 3339.
            limit: The largest number of deliveries to return.
        """
        items = self.table.query(
            limit,
            IndexName="by_due",
            KeyConditionExpression="due_shard = :shard AND due_at <= :until",
            ExpressionAttributeValues={":shard": text(str(shard)), ":until": text(until)},
        )
        return [
            DueDelivery(
                key=key_of(item),
                service_id=item["service_id"]["S"],
                due_at=item["due_at"]["S"],
                attempts=int(item["attempts"]["N"]),
                round_start=int(item["round_start"]["N"]),
                protocol=item["protocol"]["S"],
            )
            for item in items
        ]

    def postpone(self, due: DueDelivery, until: str, *, waits: bool) -> bool:
        """Makes a delivery fall due later, unless it has moved on since it was listed.

        Args:
            due: The delivery as it was listed.
            until: When it falls due next, RFC 3339.
            waits: Whether it waits in the table until then. Otherwise its message is on the lane.

        Returns:
            Whether the delivery was postponed. A repeated request also returns True.
        """
        shown = ", next_retry_at = :until" if waits else ""
        with suppress(ConditionFailed):
            self.table.update(
                item_key(due.key),
                UpdateExpression=f"SET due_at = :until{shown}",
                ConditionExpression="attribute_exists(due_shard) AND due_at IN (:due, :until)",
                ExpressionAttributeValues={":until": text(until), ":due": text(due.due_at)},
            )
            return True
        return False
