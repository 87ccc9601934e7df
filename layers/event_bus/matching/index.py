"""From one event to the subscriptions it is for, without running over them.

A subscription's type patterns lead to it through a trie, its filters through an index over their
values. Subscriptions with the same types and filters are one rule.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from event_bus.matching.event_types import covers, intersection, matches_type
from event_bus.matching.filters import SubscriptionFilter, matching_document
from event_bus.matching.pattern import EventPattern
from event_bus.matching.predicate_index import PredicateIndex
from event_bus.matching.rule import Rule
from event_bus.matching.type_trie import TypeTrie

_KEY = json.JSONEncoder(sort_keys=True)


class _TypeEntry:
    """What is found under one type pattern.

    Attributes:
        unfiltered: The rules that match there without a filter, by the keys of the filters which
            apply to some of the types.
        filtered: The patterns of the rules that match there with a filter.
    """

    __slots__ = ("filtered", "unfiltered")

    def __init__(self) -> None:
        self.unfiltered: dict[tuple[str, ...], set[Rule]] = {}
        self.filtered = PredicateIndex()

    def is_empty(self) -> bool:
        return not self.unfiltered and self.filtered.is_empty()


class SubscriptionIndex:
    """The subscriptions of a bus, found by what an event holds."""

    __slots__ = ("_by_id", "_by_key", "_types")

    def __init__(self) -> None:
        self._by_id: dict[str, Rule] = {}
        self._by_key: dict[str, Rule] = {}
        self._types: TypeTrie[_TypeEntry] = TypeTrie(_TypeEntry)

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, subscription_id: object) -> bool:
        return subscription_id in self._by_id

    def put(
        self,
        subscription_id: str,
        event_types: Sequence[str],
        filters: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Insert a subscription, or replace the one that has the id.

        Args:
            subscription_id: Its id.
            event_types: Its type patterns.
            filters: Its event patterns by type pattern.

        Raises:
            InvalidPatternError: The types or filters are not valid. The index is as it was.
        """
        key = _KEY.encode([sorted(event_types), dict(filters)])
        rule = self._by_key.get(key)
        if rule is None:
            rule = Rule(key, SubscriptionFilter(event_types, filters))
        self.remove(subscription_id)
        if not rule.subscriptions:
            self._by_key[key] = rule
            self._insert(rule)
        rule.subscriptions.add(subscription_id)
        self._by_id[subscription_id] = rule

    def remove(self, subscription_id: str) -> None:
        """Take a subscription away, if it is there.

        Args:
            subscription_id: Its id.
        """
        rule = self._by_id.pop(subscription_id, None)
        if rule is None:
            return
        rule.subscriptions.discard(subscription_id)
        if not rule.subscriptions:
            del self._by_key[rule.key]
            self._withdraw(rule)

    def match(
        self,
        event_type: str,
        source: str,
        payload: Mapping[str, Any],
        metadata: Mapping[str, Any],
    ) -> set[str]:
        """The ids of the subscriptions that an event is for.

        Args:
            event_type: The event's type.
            source: Who published it.
            payload: Its payload, parsed from JSON.
            metadata: Its metadata.
        """
        matched: set[str] = set()
        candidates: set[Rule] = set()
        document = matching_document(source, payload, metadata)
        for entry in self._types.matching(event_type):
            for keys, rules in entry.unfiltered.items():
                if not any(matches_type(key, event_type) for key in keys):
                    for rule in rules:
                        matched |= rule.subscriptions
            entry.filtered.collect(document, candidates)
        for rule in candidates:
            if self._verify(rule, event_type, document):
                matched |= rule.subscriptions
        return matched

    def _verify(self, rule: Rule, event_type: str, document: dict[str, object]) -> bool:
        """Whether a rule that was found by one value matches as a whole."""
        return rule.filter.accepts(event_type, document)

    def _insert(self, rule: Rule) -> None:
        for event_type in dict.fromkeys(rule.filter.event_types):
            always = [pattern for key, pattern in rule.filter.filters if covers(key, event_type)]
            if always:
                entry = self._place(rule, event_type)
                pattern = min(always, key=entry.filtered.cost) if len(always) > 1 else always[0]
                entry.filtered.add(rule, pattern, pattern.combinations)
            else:
                self._insert_partly_filtered(rule, event_type)

    def _insert_partly_filtered(self, rule: Rule, event_type: str) -> None:
        """Insert a rule under a type pattern for some types of which it has filters."""
        narrowed: list[tuple[str, EventPattern]] = []
        keys = []
        for key, pattern in rule.filter.filters:
            common = intersection(key, event_type)
            if common is not None:
                narrowed.append((common, pattern))
                keys.append(key)
        for common, pattern in narrowed:
            self._place(rule, common).filtered.add(rule, pattern, pattern.combinations)
        rule.unfiltered[event_type] = tuple(sorted(keys))
        entry = self._place(rule, event_type)
        entry.unfiltered.setdefault(rule.unfiltered[event_type], set()).add(rule)

    def _place(self, rule: Rule, type_pattern: str) -> _TypeEntry:
        rule.places.add(type_pattern)
        return self._types.at(type_pattern)

    def _withdraw(self, rule: Rule) -> None:
        for entry in rule.entries:
            entry.bucket.discard(entry)
        rule.entries.clear()
        for event_type, keys in rule.unfiltered.items():
            unfiltered = self._types.at(event_type).unfiltered
            unfiltered[keys].discard(rule)
            if not unfiltered[keys]:
                del unfiltered[keys]
        for place in rule.places:
            if self._types.at(place).is_empty():
                self._types.discard(place)
