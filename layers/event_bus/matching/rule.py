"""What the index holds: rules, and the places where each can be found."""

from typing import TYPE_CHECKING
from zlib import crc32

from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.pattern import EventPattern

if TYPE_CHECKING:
    from event_bus.matching.predicate_index import Bucket


class Rule:
    """The subscriptions that ask for the same types and have the same filters.

    Args:
        key: What they have in common, as text.
        subscription_filter: The same, compiled.

    Attributes:
        subscriptions: Their ids.
        places: The type patterns under which the rule can be found.
        unfiltered: The type patterns under which it matches without a filter, each with the keys
            of the filters that apply to some of the types.
        entries: Where it can be found by a value.
        order: A number by which rules are ordered in the same way everywhere.
    """

    __slots__ = ("entries", "filter", "key", "order", "places", "subscriptions", "unfiltered")

    def __init__(self, key: str, subscription_filter: SubscriptionFilter) -> None:
        self.key = key
        self.order = crc32(key.encode())
        self.filter = subscription_filter
        self.subscriptions: set[str] = set()
        self.places: set[str] = set()
        self.unfiltered: dict[str, tuple[str, ...]] = {}
        self.entries: set[Entry] = set()


class Entry:
    """One place where a rule can be found by a value.

    Attributes:
        rule: The rule.
        pattern: The pattern that is reached here.
        combinations: Those of its combinations that are reached here.
        used: The leaves that have led here, as a bit mask.
        divisible: Whether every combination has another leaf to be found by.
        bucket: Where the entry is.
    """

    __slots__ = ("bucket", "combinations", "divisible", "pattern", "rule", "used")

    bucket: "Bucket"

    def __init__(
        self,
        rule: Rule,
        pattern: EventPattern,
        combinations: list[int],
        used: int,
        *,
        divisible: bool,
    ) -> None:
        self.rule = rule
        self.pattern = pattern
        self.combinations = combinations
        self.used = used
        self.divisible = divisible
