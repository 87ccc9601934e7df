"""The rules of the index, and the entries by which it finds each."""

from typing import TYPE_CHECKING
from zlib import crc32

from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.limits import MAX_INDEX_ENTRIES
from event_bus.matching.pattern import EventPattern

if TYPE_CHECKING:
    from event_bus.matching.predicate_index import Bucket


class Rule:
    """The subscriptions with the same event types and the same filters.

    Args:
        key: These types and filters, as a text.
        subscription_filter: These types and filters, compiled.

    Attributes:
        subscriptions: Their ids.
        places: The type patterns that lead to the rule.
        unfiltered: The type patterns that no filter covers in whole, each with the keys of the
            filters that cover some of its types.
        entries: The entries by which values lead to it.
        order: A number that gives rules the same order in every process, by the cost of their
            checks.
    """

    __slots__ = ("entries", "filter", "key", "order", "places", "subscriptions", "unfiltered")

    def __init__(self, key: str, subscription_filter: SubscriptionFilter) -> None:
        self.key = key
        self.order = (subscription_filter.cost << 32) + crc32(key.encode())
        self.filter = subscription_filter
        self.subscriptions: set[str] = set()
        self.places: set[str] = set()
        self.unfiltered: dict[str, tuple[str, ...]] = {}
        self.entries: set[IndexEntry] = set()

    @property
    def full(self) -> bool:
        """Whether the index holds as many entries for it as it may have."""
        return len(self.entries) + len(self.places) >= MAX_INDEX_ENTRIES


class IndexEntry:
    """An entry by which values lead to a rule.

    Attributes:
        rule: The rule.
        pattern: The pattern that the entry stands for.
        combinations: The combinations of the pattern that the entry stands for.
        used: The leaves that lead to the entry, as a bit mask.
        divisible: Whether every combination has a further leaf that could find it, and the index
            may hold further entries for the rule.
        bucket: The bucket of the entry.
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
