"""The table of changes: a numbered log of the changes that routers must know.

The numbers have no gaps. A router that knows the changes up to one number reads those after it,
once for each batch of events. So it never routes by registrations older than its events.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from event_bus.conflicts import attempts
from event_bus.stores.items import document, number, text
from event_bus.stores.refusals import Contended, Refused
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part, transact

_LOG = "subscriptions"
_ATTEMPTS = 13


class _NumberTaken(Refused):
    """Another change took the number."""


@dataclass(frozen=True, slots=True)
class ChangeLog:
    """Appends changes, and reads them in order.

    Attributes:
        table: The table.
    """

    table: Table

    def latest(self) -> int:
        """Returns the number of the last change; 0 before the first."""
        items = self.table.query(
            1,
            KeyConditionExpression="#log = :log",
            ExpressionAttributeNames={"#log": "log"},
            ExpressionAttributeValues={":log": text(_LOG)},
            ConsistentRead=True,
            ScanIndexForward=False,
        )
        return int(items[0]["version"]["N"]) if items else 0

    def after(self, version: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yields the changes after a number, in order: the number and document of each."""
        for item in self.table.query_all(
            KeyConditionExpression="#log = :log AND version > :version",
            ExpressionAttributeNames={"#log": "log"},
            ExpressionAttributeValues={":log": text(_LOG), ":version": number(version)},
            ConsistentRead=True,
        ):
            yield int(item["version"]["N"]), orjson.loads(item["document"]["S"])

    def append(
        self, describe: Callable[[int], dict[str, Any]], parts: Callable[[int], Sequence[Part]]
    ) -> int:
        """Carries out a change under the next number, in one transaction with its entry in the log.

        Args:
            describe: Returns the document of the entry, given the number.
            parts: Returns the parts of the transaction that carry out the change.

        Returns:
            The number.

        Raises:
            Refused: A condition of a part did not hold. The part determines the subclass.
            TimeoutError: Other changes took the number in every attempt.
        """
        for _ in attempts(_ATTEMPTS):
            version = self.latest() + 1
            # The entry comes last: the refusal of another part counts before its own.
            entry = self.table.put_part(
                {
                    "log": text(_LOG),
                    "version": number(version),
                    "document": document(describe(version)),
                },
                _NumberTaken(str(version)),
                ConditionExpression="attribute_not_exists(#log)",
                ExpressionAttributeNames={"#log": "log"},
            )
            try:
                transact([*parts(version), entry])
            except (_NumberTaken, Contended):
                continue
            return version
        raise TimeoutError("too many changes of registrations at once")
