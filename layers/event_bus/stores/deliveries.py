"""The table of deliveries: one item for each delivery, from its first attempt to its end.

A dead letter is such an item too. So a delivery always has exactly one status, and one conditional
write changes it.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from event_bus import times
from event_bus.model.delivery import Delivery, DeliveryKey, Routing
from event_bus.stores.delivery_items import (
    COMMAND,
    UNSETTLED,
    begin_anew,
    changes_of,
    delivery_of,
    due_at,
    item_key,
    same_round,
    unless_former,
)
from event_bus.stores.items import ConditionFailed, Item, number, text
from event_bus.stores.routing_items import is_routing, routings_of
from event_bus.stores.table import Table


@dataclass(frozen=True, slots=True)
class DeliveryStore:
    """Reads and records deliveries.

    Attributes:
        table: The table.
        retention_days: How many days a delivery is kept.
    """

    table: Table
    retention_days: int = 0

    def record(
        self,
        delivery: Delivery,
        asked: int,
        epoch: int | None = None,
        *,
        unless_waiting: bool = False,
    ) -> Delivery | None:
        """Records the outcome of an attempt.

        No outcome undoes a success. An outcome of an earlier attempt, or of a claim that another
        function has taken over, does not overwrite a later one. If a person has retried the
        delivery since it was read, only a success is recorded: another outcome would end the retry.

        Args:
            delivery: The delivery after the attempt.
            asked: The number of the attempt that the message asked for.
            epoch: The number of the claim, if the attempt needed one.
            unless_waiting: Whether the outcome is refused if the stored delivery waits in the
                table.

        Returns:
            None if the outcome was recorded, else the delivery as it is stored.
        """
        expires_at = times.expiry(self.retention_days)
        update, values = changes_of(delivery, expires_at)
        condition, compared = _condition(delivery, asked, epoch)
        if unless_waiting:
            on_lane = "attribute_not_exists(due_at) OR due_at <> next_retry_at"
            condition = f"({condition}) AND ({on_lane})"
        try:
            self.table.update(
                item_key(delivery.key),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=values | compared,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as refusal:
            # A repeated write whose first answer was lost is refused by its own result. The caller
            # finds its own message in it, and continues.
            standing = refusal.standing
            if begin_anew(self.table, standing, delivery, expires_at):
                return self.record(delivery, asked, epoch, unless_waiting=unless_waiting)
            return delivery_of(standing)
        return None

    def continued(self, ended: Delivery) -> None:
        """Records that a message continues the stream of an ended delivery, so it is not due.

        Args:
            ended: The delivery as it was read. Nothing is done if it has changed since.
        """
        with suppress(ConditionFailed):
            self.table.update(
                item_key(ended.key),
                UpdateExpression="REMOVE due_shard, due_at, next_retry_at",
                ConditionExpression="#status = :status AND written_by = :writer",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":status": text(ended.status),
                    ":writer": text(ended.written_by),
                },
            )

    def comes_at(self, key: DeliveryKey, attempt: int, at: str) -> None:
        """Records when the message of a retry will come from its lane.

        Otherwise the sweep would take the message for lost, and send another one.

        Args:
            key: The delivery. Nothing is done if its next attempt is not asked for by a message on
                its lane.
            attempt: The number of the attempt that the message asks for.
            at: The time, RFC 3339.
        """
        with suppress(ConditionFailed):
            self.table.update(
                item_key(key),
                UpdateExpression="SET next_retry_at = :at, due_at = :due",
                ConditionExpression="#status = :retrying AND attempts < :attempt "
                "AND due_at <> next_retry_at",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":retrying": text("retrying"),
                    ":attempt": number(attempt),
                    ":at": text(at),
                    ":due": text(due_at(at, waiting=False)),
                },
            )

    def get(self, key: DeliveryKey) -> Delivery | None:
        """Returns a delivery, or None if none is recorded."""
        item = self.table.get(item_key(key), ConsistentRead=True)
        return delivery_of(item) if item else None

    def get_many(self, keys: Sequence[DeliveryKey]) -> dict[DeliveryKey, Delivery]:
        """Returns those of these deliveries that are recorded, by key."""
        items = self.table.batch_get([item_key(key) for key in keys], ConsistentRead=True)
        found = map(delivery_of, items)
        return {delivery.key: delivery for delivery in found}

    def of_event(self, event_id: str) -> tuple[Routing | None, list[Delivery]]:
        """Returns the routing record of an event, if it was routed, and its deliveries so far."""
        records: list[Item] = []
        deliveries: list[Delivery] = []
        for item in self.table.query_all(
            KeyConditionExpression="event_id = :event",
            ExpressionAttributeValues={":event": text(event_id)},
            ConsistentRead=True,
        ):
            if is_routing(item):
                records.append(item)
            elif item["subscription_id"]["S"] != COMMAND:
                deliveries.append(delivery_of(item))
        return routings_of(records).get(event_id), deliveries


def _condition(delivery: Delivery, asked: int, epoch: int | None) -> tuple[str, Item]:
    """Returns the condition of `DeliveryStore.record`, and the values that it compares with."""
    not_former, former = unless_former(delivery)
    if delivery.status == "delivered":
        return f"(attribute_not_exists(#status) OR #status <> :status){not_former}", former
    values: Item = {
        ":pending": text("pending"),
        ":retrying": text("retrying"),
        ":asked": number(asked),
    }
    round_stands, compared = same_round(delivery)
    condition = (
        f"{UNSETTLED} AND (attribute_not_exists(attempts) OR attempts < :asked) "
        f"AND (attribute_not_exists(#status) OR {round_stands}){not_former}"
    )
    if epoch is not None:
        values[":epoch"] = number(epoch)
        condition += " AND epoch = :epoch"
    return condition, values | compared | former
