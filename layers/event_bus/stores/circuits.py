"""The table of circuit breakers: one item for each subscription that has failed lately."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import orjson

from event_bus import times
from event_bus.model.circuit import Circuit
from event_bus.model.delivery import DeliveryError
from event_bus.model.pace import Pace
from event_bus.stored import restored
from event_bus.stores.items import ConditionFailed, Item, document, number, text
from event_bus.stores.paces import pace_in, pace_key
from event_bus.stores.refusals import Outdated
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part


@dataclass(frozen=True, slots=True)
class CircuitStore:
    """Reads and writes circuits.

    Attributes:
        table: The table.
        retention_days: How many days a circuit is kept after its last change.
    """

    table: Table
    retention_days: int = 0

    def get_many(self, subscription_ids: Iterable[str]) -> dict[str, Circuit]:
        """Returns the circuits of those of these subscriptions that have one."""
        return _circuits(self._read([_key(each) for each in dict.fromkeys(subscription_ids)]))

    def with_paces(
        self, subscription_ids: Iterable[str], *, consistent: bool = True
    ) -> tuple[dict[str, Circuit], dict[str, Pace]]:
        """Returns the circuits and the paces of subscriptions that have them, in one request.

        Args:
            subscription_ids: The subscriptions.
            consistent: Whether to read consistently, at twice the cost.
        """
        keys = [
            key for each in dict.fromkeys(subscription_ids) for key in (_key(each), pace_key(each))
        ]
        items = self._read(keys, consistent=consistent)
        return _circuits(items), dict(found for item in items if (found := pace_in(item)))

    def all(self) -> Iterator[Circuit]:
        """Yields the circuit of every subscription."""
        yield from self.by_subscription().values()

    def by_subscription(self) -> dict[str, Circuit]:
        """Returns the circuits of all subscriptions, without those of sources of enrichments."""
        found = _circuits(self.table.scan_all())
        return {each: circuit for each, circuit in found.items() if "#" not in each}

    def put(self, subscription_id: str, circuit: Circuit) -> bool:
        """Replaces a circuit by its next version; version 1 is the first.

        Returns:
            Whether it was written; False if another function changed or removed it first.
        """
        # A permit to probe must not be lost with the answer to the request that takes it.
        return self.table.put_unless_refused(
            self._item(subscription_id, circuit),
            **_over_the_version_before(circuit),
        )

    def _item(self, subscription_id: str, circuit: Circuit) -> Item:
        item = {
            "subscription_id": text(subscription_id),
            "version": number(circuit.version),
            "document": document(circuit),
            "expires_at": number(times.expiry(self.retention_days)),
        }
        return {**item, "circuit_id": text(circuit.id)} if circuit.id else item

    def putting_part(self, subscription_id: str, circuit: Circuit) -> Part:
        """Returns the part of a transaction that writes a circuit over the version before it."""
        return self.table.put_part(
            self._item(subscription_id, circuit),
            Outdated(subscription_id),
            **_over_the_version_before(circuit),
        )

    def removing_part(self, subscription_id: str, circuit: Circuit) -> Part:
        """Returns the part of a transaction that removes a circuit, unless it has changed."""
        return self.table.delete_part(
            _key(subscription_id), Outdated(subscription_id), **_gone_or_unchanged(circuit)
        )

    def forget(self, subscription_id: str, circuit: Circuit | None = None) -> bool:
        """Removes the circuit of a subscription that no longer fails.

        Args:
            subscription_id: The subscription.
            circuit: The circuit as it was read; None to remove it as it is.

        Returns:
            Whether the subscription has no circuit now; False if another function has changed it.
        """
        condition = _gone_or_unchanged(circuit) if circuit else {}
        with suppress(ConditionFailed):
            self.table.delete(_key(subscription_id), **condition)
            return True
        return False

    def _read(self, keys: list[Item], *, consistent: bool = True) -> list[Item]:
        return self.table.batch_get(keys, ConsistentRead=consistent)


def _key(subscription_id: str) -> Item:
    return {"subscription_id": text(subscription_id)}


def _over_the_version_before(circuit: Circuit) -> dict[str, Any]:
    if circuit.version == 1:
        return {"ConditionExpression": "attribute_not_exists(version)"}
    return _unchanged(replace(circuit, version=circuit.version - 1))


def _unchanged(circuit: Circuit) -> dict[str, Any]:
    # The versions of the subscription's next circuit begin at 1 again, so the id is compared, too.
    values = {":before": number(circuit.version)}
    if not circuit.id:
        condition = "version = :before AND attribute_not_exists(circuit_id)"
        return {"ConditionExpression": condition, "ExpressionAttributeValues": values}
    return {
        "ConditionExpression": "version = :before AND circuit_id = :id",
        "ExpressionAttributeValues": {**values, ":id": text(circuit.id)},
    }


def _gone_or_unchanged(circuit: Circuit) -> dict[str, Any]:
    condition = _unchanged(circuit)
    either = f"attribute_not_exists(version) OR ({condition['ConditionExpression']})"
    return {**condition, "ConditionExpression": either}


def _circuit(members: dict[str, Any]) -> Circuit:
    if error := members.get("last_error"):
        members["last_error"] = restored(DeliveryError, error)
    return restored(Circuit, members)


def _circuits(items: Iterable[Mapping[str, Any]]) -> dict[str, Circuit]:
    return {
        item["subscription_id"]["S"]: _circuit(orjson.loads(item["document"]["S"]))
        for item in items
        if "document" in item
    }
