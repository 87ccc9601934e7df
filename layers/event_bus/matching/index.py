"""The index of subscriptions: finds those that an event matches without looking at all of them.

A trie over type patterns and an index over the values in filters lead to a subscription.
Subscriptions with the same types and filters share one rule.
"""

import json
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from event_bus.matching.event_types import covers, intersection
from event_bus.matching.event_view import EventView, event_view
from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.limits import (
    CHECK_WORK,
    EVENT_WORK,
    FIND_WORK,
    FULL_RULES,
    HEAVY_WORK,
    REFUSAL_WORK,
)
from event_bus.matching.pattern import EventPattern
from event_bus.matching.predicate_index import PredicateIndex
from event_bus.matching.rule import Rule
from event_bus.matching.type_trie import TypeTrie
from event_bus.matching.work import OutOfWork, Work

_KEY = json.JSONEncoder(sort_keys=True)
_ORDER = attrgetter("order")


class _TypeEntry:
    """The rules and patterns under one type pattern.

    Attributes:
        unfiltered: The rules without a filter for all of its types, by the keys of their filters
            for some of these types.
        filtered: The patterns of the rules with a filter.
        rules: The rules with a filter.
        unindexed: Those of them that no value leads to, because they would need too many entries.
    """

    __slots__ = ("filtered", "rules", "unfiltered", "unindexed")

    def __init__(self) -> None:
        self.unfiltered: dict[tuple[str, ...], set[Rule]] = {}
        self.filtered = PredicateIndex()
        self.rules: set[Rule] = set()
        self.unindexed: set[Rule] = set()

    def is_empty(self) -> bool:
        return not (self.unfiltered or self.unindexed) and self.filtered.is_empty()


class _FilterKey:
    """A type pattern that filters have as their key.

    Attributes:
        text: The type pattern.
        uses: How many rules have a filter under it.
    """

    __slots__ = ("text", "uses")

    def __init__(self) -> None:
        self.text = ""
        self.uses = 0


class SubscriptionIndex:
    """The subscriptions of a bus, found by the content of an event."""

    __slots__ = ("_by_id", "_by_key", "_filter_keys", "_types")

    def __init__(self) -> None:
        self._by_id: dict[str, Rule] = {}
        self._by_key: dict[str, Rule] = {}
        self._types: TypeTrie[_TypeEntry] = TypeTrie(_TypeEntry)
        self._filter_keys: TypeTrie[_FilterKey] = TypeTrie(_FilterKey)

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
        """Adds a subscription, or replaces the one with the same id.

        Args:
            subscription_id: Its id.
            event_types: Its type patterns.
            filters: Its event patterns by type pattern.

        Raises:
            InvalidPatternError: The types or filters are invalid. The index stays as it was.
        """
        key = _KEY.encode([sorted(event_types), dict(filters)])
        rule = self._by_key.get(key)
        if rule is not None and rule is self._by_id.get(subscription_id):
            return
        if rule is None:
            rule = Rule(key, SubscriptionFilter(event_types, filters))
        self.remove(subscription_id)
        if not rule.subscriptions:
            self._by_key[key] = rule
            self._insert(rule)
        rule.subscriptions.add(subscription_id)
        self._by_id[subscription_id] = rule

    def remove(self, subscription_id: str) -> None:
        """Removes a subscription, if the index has it.

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
        """Returns the ids of the subscriptions that an event matches.

        Args:
            event_type: The event's type.
            source: The service that published it.
            payload: Its payload, parsed from JSON.
            metadata: Its metadata.
        """
        return self.match_view(event_type, event_view(source, payload, metadata))

    def match_view(self, event_type: str, event: EventView) -> set[str]:
        """Returns the ids of the subscriptions that an event matches.

        Args:
            event_type: The event's type.
            event: The event. It is marked as limited if work or elements were left out.
        """
        matched: set[str] = set()
        candidates: set[Rule] = set()
        work = Work(FIND_WORK)
        # One walk of a trie, since subscriptions may have 50 filters each for other types.
        selected = {each.text for each in self._filter_keys.matching(event_type)}
        for entry in self._types.matching(event_type):
            for keys, rules in entry.unfiltered.items():
                if selected.isdisjoint(keys):
                    for rule in rules:
                        matched |= rule.subscriptions
            candidates |= entry.unindexed
            if entry.rules:
                try:
                    entry.filtered.collect(event, candidates, work)
                except OutOfWork:
                    candidates |= entry.rules
        if candidates:
            for rule in self._verified(candidates, selected, event):
                matched |= rule.subscriptions
        return matched

    def _verified(
        self, candidates: set[Rule], selected: set[str], event: EventView
    ) -> Iterator[Rule]:
        """Yields those of the found rules whose filters accept the event.

        Light filters are checked first: the cheapest ones before the others, if the work may not
        suffice for all. Heavy filters, which need more steps than a light one may use, follow with
        the steps that are left.
        """
        count = len(candidates)
        event.expect_patterns(count)
        allowed = EVENT_WORK * max(count, FULL_RULES) // FULL_RULES
        rules: Collection[Rule] = candidates
        if not event.walked or count * (CHECK_WORK + REFUSAL_WORK) > allowed:
            # Every process checks them in the same order, and so leaves out the same ones.
            rules = sorted(candidates, key=_ORDER)
        heavy: list[Rule] = []
        allowed = yield from _light(rules, selected, event, allowed, heavy)
        heavy.sort(key=_ORDER)
        work = Work(0)
        for place, rule in enumerate(heavy):
            left = allowed - event.shared.steps
            if left <= 0:
                event.limited = True
                break
            share = work.left = min(left, max(left // (len(heavy) - place), HEAVY_WORK))
            try:
                if rule.filter.decides(selected, event, work):
                    yield rule
            except OutOfWork:
                event.limited = True
                allowed -= REFUSAL_WORK
            allowed -= share - work.left

    def _insert(self, rule: Rule) -> None:
        for text, _ in rule.filter.filters:
            key = self._filter_keys.at(text)
            key.text = text
            key.uses += 1
        for event_type in dict.fromkeys(rule.filter.event_types):
            always = [pattern for key, pattern in rule.filter.filters if covers(key, event_type)]
            if always:
                entry = self._place(rule, event_type)
                pattern = min(always, key=entry.filtered.cost) if len(always) > 1 else always[0]
                self._add(entry, rule, pattern)
            else:
                self._insert_partly_filtered(rule, event_type)

    def _insert_partly_filtered(self, rule: Rule, event_type: str) -> None:
        """Adds a rule under a type pattern that its filters cover in part."""
        narrowed: list[tuple[str, EventPattern]] = []
        keys = []
        for key, pattern in rule.filter.filters:
            common = intersection(key, event_type)
            if common is not None:
                narrowed.append((common, pattern))
                keys.append(key)
        for common, pattern in narrowed:
            if rule.full:
                self._add(self._place(rule, event_type), rule, pattern)
                break
            self._add(self._place(rule, common), rule, pattern)
        rule.unfiltered[event_type] = tuple(sorted(keys))
        entry = self._place(rule, event_type)
        entry.unfiltered.setdefault(rule.unfiltered[event_type], set()).add(rule)

    def _add(self, entry: _TypeEntry, rule: Rule, pattern: EventPattern) -> None:
        entry.rules.add(rule)
        if rule.full:
            entry.unindexed.add(rule)
        else:
            entry.filtered.add(rule, pattern, pattern.combinations)

    def _place(self, rule: Rule, type_pattern: str) -> _TypeEntry:
        rule.places.add(type_pattern)
        return self._types.at(type_pattern)

    def _withdraw(self, rule: Rule) -> None:
        for text, _ in rule.filter.filters:
            key = self._filter_keys.at(text)
            key.uses -= 1
            if not key.uses:
                self._filter_keys.discard(text)
        for entry in rule.entries:
            entry.bucket.discard(entry)
        rule.entries.clear()
        for event_type, keys in rule.unfiltered.items():
            unfiltered = self._types.at(event_type).unfiltered
            unfiltered[keys].discard(rule)
            if not unfiltered[keys]:
                del unfiltered[keys]
        for place in rule.places:
            self._types.at(place).rules.discard(rule)
            self._types.at(place).unindexed.discard(rule)
            if self._types.at(place).is_empty():
                self._types.discard(place)


def _light(
    rules: Collection[Rule], selected: set[str], event: EventView, allowed: int, heavy: list[Rule]
) -> Generator[Rule, None, int]:
    """Yields those of the light rules whose filters accept the event, and lists the heavy ones.

    Returns:
        The steps that the heavy rules may use, before those that serve all filters.
    """
    shared, work, count = event.shared, Work(0), len(rules)
    for place, rule in enumerate(rules):
        left, cost = allowed - shared.steps, rule.filter.cost
        if cost > CHECK_WORK or cost > left:
            heavy.append(rule)
            continue
        share = work.left = max(cost, min(CHECK_WORK, left // (count - place)))
        try:
            if rule.filter.decides(selected, event, work):
                yield rule
        except OutOfWork:
            heavy.append(rule)
            allowed -= REFUSAL_WORK
        allowed -= share - work.left
    return allowed
