"""Numbers what is added to a service, so that no service gets more than it may have.

The registrations of a service are counted before one is added. An addition is refused if another
one took effect after its number was read. So two requests that count at the same time cannot both
add the last one. A removal only makes room, and has no number.

Nothing is counted in an item, so registrations of earlier releases count like all others.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_bus.stores.items import Item, number, text
from event_bus.stores.refusals import Outdated
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part

if TYPE_CHECKING:
    from event_bus.stores.table import Condition

_ADDITIONS = "additions"


@dataclass(frozen=True, slots=True)
class Additions:
    """The additions of one kind to services.

    Attributes:
        table: The table of states.
        kind: What is added.
    """

    table: Table
    kind: str

    def last(self, service_id: str) -> int:
        """Returns the number of the last addition to a service; 0 before the first."""
        item = self.table.get(self._key(service_id), ConsistentRead=True)
        return int(item["number"]["N"]) if item else 0

    def next_part(self, service_id: str, last: int) -> Part:
        """Returns the part that numbers an addition.

        Args:
            service_id: The service.
            last: The number of the addition before, as it was read before the service's
                registrations were counted. The part is refused if it is not the last any more.
        """
        condition: Condition = {"ConditionExpression": "attribute_not_exists(id)"}
        if last:
            condition = {
                "ConditionExpression": "#number = :last",
                "ExpressionAttributeNames": {"#number": "number"},
                "ExpressionAttributeValues": {":last": number(last)},
            }
        item = {**self._key(service_id), "number": number(last + 1)}
        return self.table.put_part(item, Outdated(service_id), **condition)

    def _key(self, service_id: str) -> Item:
        return {"partition": text(_ADDITIONS), "id": text(f"{self.kind} of {service_id}")}
