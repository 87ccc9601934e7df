"""The dead letters of the deliveries table: listed, reopened and discarded by people."""

from dataclasses import dataclass, replace
from typing import Any

from event_bus import times
from event_bus.ids import new_id
from event_bus.model.delivery import Delivery, DeliveryKey
from event_bus.stores.delivery_items import (
    SHARDS,
    delivery_of,
    due_at,
    item_key,
    key_of,
    same_round,
    shard_of,
)
from event_bus.stores.items import ConditionFailed, document, number, text
from event_bus.stores.table import Table

_CONTINUED_SECONDS = 60
"""After how many seconds the sweep continues the stream of a discarded delivery."""


@dataclass(frozen=True, slots=True)
class DeadLetterEntry:
    """A dead letter as the index lists it.

    Attributes:
        id: The id of the dead letter.
        key: The key of its delivery.
    """

    id: str
    key: DeliveryKey


@dataclass(frozen=True, slots=True)
class DeadLetterStore:
    """Finds, reopens and discards dead letters.

    Attributes:
        table: The deliveries table.
        retention_days: How many days a reopened delivery is kept.
    """

    table: Table
    retention_days: int = 0

    def get(self, dead_letter_id: str) -> Delivery | None:
        """Returns the delivery of a dead letter, or None."""
        items = self.table.query_all(
            IndexName="by_dead",
            KeyConditionExpression="dead_shard = :shard AND dead_letter_id = :id",
            ExpressionAttributeValues={
                ":shard": text(shard_of(dead_letter_id)),
                ":id": text(dead_letter_id),
            },
        )
        listed = next(items, None)
        if listed is None:
            return None
        item = self.table.get(item_key(key_of(listed)), ConsistentRead=True)
        return delivery_of(item) if item else None

    def page(
        self, service_id: str | None, between: tuple[str, str], limit: int
    ) -> list[DeadLetterEntry]:
        """Lists dead letters, newest first.

        Args:
            service_id: The service that owns them; None for those of all services.
            between: The first and the last id, both included.
            limit: The largest number of entries to return.
        """
        found: dict[str, DeadLetterEntry] = {}
        for shard in range(SHARDS):
            index, name, partition = (
                ("by_dead_service", "dead_service_shard", f"{service_id}#{shard}")
                if service_id
                else ("by_dead", "dead_shard", str(shard))
            )
            items = self.table.query(
                limit,
                IndexName=index,
                KeyConditionExpression=f"{name} = :partition "
                "AND dead_letter_id BETWEEN :first AND :last",
                ExpressionAttributeValues={
                    ":partition": text(partition),
                    ":first": text(between[0]),
                    ":last": text(between[1]),
                },
                ScanIndexForward=False,
            )
            for item in items:
                entry = DeadLetterEntry(item["dead_letter_id"]["S"], key_of(item))
                found[entry.id] = entry
        return [found[each] for each in sorted(found, reverse=True)][:limit]

    def reopen(self, reopened: Delivery) -> Delivery | None:
        """Records that a dead letter is tried again, with all attempts of its policy.

        The delivery must be exhausted or wait in the table. Then no queue has a message of it,
        and the caller sends the only one.

        Args:
            reopened: The delivery as it was read, and then reopened.

        Returns:
            The delivery as it is stored. None if it has moved on since it was read, or is on its
            lane.
        """
        next_retry_at = reopened.next_retry_at or reopened.updated_at
        round_stands, compared = same_round(replace(reopened, reopened=reopened.reopened - 1))
        return self._move(
            reopened.key,
            {
                "UpdateExpression": "SET #status = :status, round_start = attempts, "
                "due_shard = :shard, due_at = :due, next_retry_at = :retry, updated_at = :now, "
                "expires_at = :expiry, written_by = :writer, reopened = :reopened",
                "ConditionExpression": f"attempts = :attempts AND {round_stands} AND "
                "(#status = :exhausted OR #status = :retrying AND due_at = next_retry_at)",
            },
            {
                ":status": text(reopened.status),
                ":retrying": text("retrying"),
                ":exhausted": text("exhausted"),
                ":reopened": number(reopened.reopened),
                **compared,
                ":attempts": number(reopened.round_start),
                ":shard": text(shard_of(reopened.key.event_id)),
                ":due": text(due_at(next_retry_at, waiting=reopened.waiting)),
                ":retry": text(next_retry_at),
                ":now": text(reopened.updated_at),
                ":expiry": number(times.expiry(self.retention_days)),
            },
        )

    def leave_to_sweep(self, reopened: Delivery) -> None:
        """Lets a reopened delivery wait in the table, because its message was not sent.

        Args:
            reopened: The delivery as `reopen` returned it. Nothing is done if it has moved on.
        """
        self._move(
            reopened.key,
            {
                "UpdateExpression": "SET due_at = next_retry_at, written_by = :writer",
                "ConditionExpression": "#status = :retrying AND written_by = :reopened",
            },
            {":retrying": text("retrying"), ":reopened": text(reopened.written_by)},
        )

    def discard(self, discarded: Delivery) -> Delivery | None:
        """Records that a dead letter has ended, with the error that says who ended it.

        It stays due for the sweep until `DeliveryStore.continued` is called, because later events
        of its stream may have waited for it.

        Args:
            discarded: The delivery as it was read, and then discarded.

        Returns:
            The delivery as it is stored. None if it had ended before this request, or was
            delivered.
        """
        error = discarded.last_error
        due = times.at(times.seconds(discarded.updated_at) + _CONTINUED_SECONDS)
        return self._move(
            discarded.key,
            {
                "UpdateExpression": "SET #status = :status, last_error = :error, "
                "error_code = :code, updated_at = :now, written_by = :writer, "
                "due_shard = :shard, due_at = :due REMOVE next_retry_at",
                "ConditionExpression": "#status IN (:pending, :retrying, :exhausted)",
            },
            {
                ":status": text(discarded.status),
                ":pending": text("pending"),
                ":retrying": text("retrying"),
                ":exhausted": text("exhausted"),
                ":error": document(error),
                ":code": text(error.code if error else ""),
                ":now": text(discarded.updated_at),
                ":shard": text(shard_of(discarded.key.event_id)),
                ":due": text(due),
            },
        )

    def _move(self, key: DeliveryKey, expressions: Any, values: dict[str, Any]) -> Delivery | None:
        """Makes one conditional write. If several requests write at once, one succeeds."""
        writer = text(new_id("req"))
        try:
            item = self.table.update(
                item_key(key),
                **expressions,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={**values, ":writer": writer},
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as refusal:
            # A repeated write whose first answer was lost finds its own result.
            standing = refusal.standing
            return delivery_of(standing) if standing.get("written_by") == writer else None
        return delivery_of(item)
