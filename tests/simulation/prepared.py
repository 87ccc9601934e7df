"""The expressions of requests to DynamoDB: each is read once, however often it is sent."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from tests.simulation.expressions import (
    Condition,
    Item,
    RefusedExpression,
    Update,
    Values,
    check_placeholders,
    condition,
    update,
)

_PARTITION = re.compile(r"\s*(#?\w+)\s*=\s*(:\w+)(?:\s+AND\b)?", re.ASCII)
"""The beginning of a key condition: the partition."""


class Prepared:
    """The expressions of a request, which were read and checked.

    Attributes:
        holds: The condition of a write.
        passes: The filter of a query or a scan.
        updated: The update.
        partitioned: The attribute of the partition in the condition of the key.
        partition: The placeholder of its value.
        key_holds: The rest of that condition.
        keys: All placeholders there.
    """

    def __init__(
        self,
        expressions: tuple[str | None, str | None, str | None, str | None],
        names: Mapping[str, str],
        values: tuple[str, ...],
    ) -> None:
        check_placeholders(filter(None, expressions), names, values)
        held, passing, changing, key = expressions
        self.holds: Condition = condition(held, names) if held else _always
        self.passes: Condition = condition(passing, names) if passing else _always
        self.updated: Update = update(changing, names) if changing else _unchanged
        self.key_holds: Condition = _always
        self.partitioned, self.partition = "", ""
        self.keys = re.findall(r":\w+", key or "")
        if key:
            asked = _PARTITION.match(key)
            if not asked:
                raise RefusedExpression("the condition does not name the partition first")
            self.partitioned, self.partition = names.get(asked[1], asked[1]), asked[2]
            if rest := key[asked.end() :]:
                self.key_holds = condition(rest, names)


def prepared(request: Mapping[str, Any]) -> Prepared:
    """Returns the expressions of a request, or of a part of a transaction."""
    return _prepared(
        (
            request.get("ConditionExpression"),
            request.get("FilterExpression"),
            request.get("UpdateExpression"),
            request.get("KeyConditionExpression"),
        ),
        tuple(request.get("ExpressionAttributeNames", {}).items()),
        tuple(request.get("ExpressionAttributeValues", {})),
    )


@cache
def _prepared(
    expressions: tuple[str | None, str | None, str | None, str | None],
    names: tuple[tuple[str, str], ...],
    values: tuple[str, ...],
) -> Prepared:
    return Prepared(expressions, dict(names), values)


def _always(_item: Item, _values: Values) -> bool:
    return True


def _unchanged(item: Item, _values: Values) -> Item:
    return item
