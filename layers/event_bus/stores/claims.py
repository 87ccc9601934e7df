"""Claims of deliveries: at most one function makes an attempt of a delivery at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from event_bus import times
from event_bus.model.delivery import Delivery
from event_bus.stores.delivery_items import (
    UNSETTLED,
    begin_anew,
    delivery_of,
    item_key,
    unless_former,
)
from event_bus.stores.items import ConditionFailed, number, text
from event_bus.stores.table import Table


@dataclass(frozen=True, slots=True)
class DeliveryClaim:
    """The result of a claim.

    Attributes:
        epoch: The number of the claim. None if the delivery has ended or another claim holds.
        delivery: The delivery as it is stored.
        lease_until: When the claim that holds ends, in Unix seconds.
    """

    epoch: int | None
    delivery: Delivery
    lease_until: float


@dataclass(frozen=True, slots=True)
class ClaimStore:
    """Claims deliveries.

    Attributes:
        table: The deliveries table.
        retention_days: How many days a claimed delivery is kept.
    """

    table: Table
    retention_days: int = 0

    def take(
        self, delivery: Delivery, token: str, lease_seconds: float, *, once: bool
    ) -> DeliveryClaim:
        """Claims a delivery for one attempt.

        Args:
            delivery: The delivery. Its record is made if there is none.
            token: The identifier of this claim.
            lease_seconds: How long the claim holds.
            once: Whether no other claim may follow, even after this one has lapsed.
        """
        now, expires_at = int(times.unix()), times.expiry(self.retention_days)
        values = {
            ":token": text(token),
            ":until": number(int(now + lease_seconds)),
            ":one": number(1),
            ":zero": number(0),
            ":service": text(delivery.service_id),
            ":type": text(delivery.event_type),
            ":protocol": text(delivery.protocol),
            ":pending": text("pending"),
            ":retrying": text("retrying"),
            ":stamp": text(times.now()),
            ":expiry": number(expires_at),
        }
        # No lease is left once an outcome is recorded. So the only attempt of `at_most_once` may
        # follow recorded attempts of another guarantee, but no claim for such an attempt.
        free = "attribute_not_exists(epoch) OR attribute_not_exists(lease_until)"
        if once:
            free = f"attribute_not_exists(claimed_once) AND ({free})"
            values[":once"] = {"BOOL": True}
        else:
            free += " OR lease_until <= :now"
            values[":now"] = number(now)
        not_former, former = unless_former(delivery)
        mark = ", claimed_once = :once" if once else " REMOVE claimed_once"
        try:
            item = self.table.update(
                item_key(delivery.key),
                UpdateExpression="SET claimed_by = :token, lease_until = :until, "
                "epoch = if_not_exists(epoch, :zero) + :one, "
                "service_id = :service, event_type = :type, protocol = :protocol, "
                "#status = if_not_exists(#status, :pending), "
                "created_at = if_not_exists(created_at, :stamp), updated_at = :stamp, "
                f"expires_at = :expiry{mark}",
                # A repeated claim whose first answer was lost finds its own token.
                ConditionExpression=f"{UNSETTLED} AND ({free} OR claimed_by = :token){not_former}",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=values | former,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as refusal:
            standing = refusal.standing
            if begin_anew(self.table, standing, delivery, expires_at):
                return self.take(delivery, token, lease_seconds, once=once)
            return DeliveryClaim(None, delivery_of(standing), _lease_until(standing))
        return DeliveryClaim(int(item["epoch"]["N"]), delivery_of(item), _lease_until(item))


def _lease_until(item: Mapping[str, Any]) -> float:
    return float(item.get("lease_until", {"N": "0"})["N"])
