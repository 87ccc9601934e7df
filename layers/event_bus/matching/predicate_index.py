"""An index over event patterns: finds the patterns that the values of an event may satisfy.

A combination of a pattern is found by one of its leaves: the one that the fewest others share when
it is added. If many share one leaf, those with a further leaf move into an index of their own,
which finds them by that leaf. Such indexes may be nested.
"""

from collections.abc import Iterable, Mapping

from event_bus.matching.access_keys import ABSENT, AccessKey, access_keys
from event_bus.matching.event_view import EventView
from event_bus.matching.expressions import ValueList
from event_bus.matching.field_tables import FieldTables
from event_bus.matching.object_sets import NO_SCALAR, ObjectSet
from event_bus.matching.pattern import EventPattern
from event_bus.matching.rule import IndexEntry, Rule
from event_bus.matching.tables import FoundEntries
from event_bus.matching.work import Work

# Up to this many patterns, checking all of them is faster than an index.
SPLIT_ABOVE = 8
# The cost of a lookup in a nested index, as a number of checked patterns.
_NESTED_COST = 4
# The steps of looking for a value under one name of a path.
_PATH_STEPS = 10

Path = tuple[str, ...]


class Bucket:
    """The entries under one access key."""

    __slots__ = ("_access_key", "_divisible", "_entries", "_index", "_path", "nested")

    def __init__(self, index: "PredicateIndex", path: Path, access_key: AccessKey) -> None:
        self.nested: PredicateIndex | None = None
        self._entries: dict[IndexEntry, None] = {}
        self._divisible = 0
        self._index = index
        self._path = path
        self._access_key = access_key

    def cost(self) -> int:
        """Returns what it costs to find this bucket, as a number of checked patterns."""
        return len(self._entries) + (_NESTED_COST if self.nested else 0)

    def add(self, entry: IndexEntry) -> None:
        """Adds an entry to this bucket, or to its nested index."""
        if entry.rule.full:
            entry.divisible = False
        if self.nested is not None and entry.divisible:
            self.nested.add(entry.rule, entry.pattern, entry.combinations, entry.used)
            return
        entry.bucket = self
        entry.rule.entries.add(entry)
        self._entries[entry] = None
        self._divisible += entry.divisible
        if self._divisible > SPLIT_ABOVE:
            self._split()

    def discard(self, entry: IndexEntry) -> None:
        """Removes an entry, and the bucket if it is then empty."""
        del self._entries[entry]
        self._divisible -= entry.divisible
        self.trim()

    def trim(self) -> None:
        """Removes the bucket if it is empty."""
        if self.nested is not None and self.nested.is_empty():
            self.nested = None
        if not self._entries and self.nested is None:
            self._index.drop(self._path, self._access_key)

    def collect(self, event: EventView, found: set[Rule], work: Work) -> None:
        """Adds the rules of this bucket that an event may match."""
        work.take(len(self._entries))
        found.update([entry.rule for entry in self._entries])
        if self.nested is not None:
            self.nested.collect(event, found, work)

    def _split(self) -> None:
        nested = self.nested = PredicateIndex(self)
        moving = [entry for entry in self._entries if entry.divisible]
        self._divisible = 0
        for entry in moving:
            # Each moved entry becomes one for each value of a further leaf.
            if entry.rule.full:
                entry.divisible = False
                continue
            del self._entries[entry]
            entry.rule.entries.discard(entry)
            nested.add(entry.rule, entry.pattern, entry.combinations, entry.used)
        if nested.is_empty():
            self.nested = None


class _Field:
    """A field that patterns name, with the fields inside it."""

    __slots__ = ("fields", "tables")

    def __init__(self) -> None:
        self.fields: dict[str, _Field] = {}
        self.tables: FieldTables[Bucket] | None = None


class PredicateIndex:
    """Patterns, found by the values that satisfy them.

    Args:
        parent: The bucket that contains this index, if it is nested.
    """

    __slots__ = ("_absent", "_parent", "_root")

    def __init__(self, parent: Bucket | None = None) -> None:
        self._parent = parent
        self._root = _Field()
        self._absent: dict[Path, Bucket] = {}

    def is_empty(self) -> bool:
        """Returns whether it is empty."""
        return not self._root.fields and not self._absent

    def cost(self, pattern: EventPattern) -> int:
        """Estimates how many patterns are checked in vain for an event, once a pattern is added."""
        chosen = self._choose(pattern, pattern.combinations, 0)
        return sum(self._leaf_cost(pattern, leaf) for leaf in chosen)

    def add(
        self,
        rule: Rule,
        pattern: EventPattern,
        combinations: Iterable[int],
        used: int = 0,
    ) -> None:
        """Adds combinations of a pattern.

        Args:
            rule: The rule that has the pattern.
            pattern: The pattern.
            combinations: The combinations to add. Each has an unused leaf, or consists of leaves
                that the lack of a value satisfies.
            used: The leaves by which the indexes above have found these combinations.
        """
        for leaf, reached in self._choose(pattern, combinations, used).items():
            if leaf < 0:
                self._add_optional(rule, pattern, reached)
                continue
            path, values = pattern.leaves[leaf].path, pattern.leaves[leaf].values
            now_used = used | 1 << leaf
            left = pattern.required & ~now_used
            divisible = all(combination & left for combination in reached)
            for access_key in self._access_keys(path, values, absent=False):
                entry = IndexEntry(rule, pattern, reached, now_used, divisible=divisible)
                self._bucket(path, access_key).add(entry)

    def collect(self, event: EventView, found: set[Rule], work: Work) -> None:
        """Adds the rules whose patterns an event may satisfy.

        Args:
            event: The event.
            found: Collects them.
            work: The work that is allowed.

        Raises:
            OutOfWork: The lookup needs more work than is allowed.
        """
        buckets: FoundEntries[Bucket] = FoundEntries(work)
        if event.walked:
            _walk(self._root, event.document, buckets)
        else:
            _walk_set(self._root, event.root, buckets)
        for bucket in dict.fromkeys(buckets):
            bucket.collect(event, found, work)
        has_value = _has_value if event.walked else _set_has_value
        for path, bucket in self._absent.items():
            work.take(_PATH_STEPS * len(path))
            if not has_value(event, path):
                bucket.collect(event, found, work)

    def drop(self, path: Path, access_key: AccessKey) -> None:
        """Removes an empty bucket, and the fields that only it needed."""
        if access_key.kind == ABSENT:
            del self._absent[path]
        else:
            self._drop_tables(path, access_key)
        if self._parent is not None and self.is_empty():
            self._parent.trim()

    def _drop_tables(self, path: Path, access_key: AccessKey) -> None:
        fields = [self._root]
        for name in path:
            fields.append(fields[-1].fields[name])
        tables = fields[-1].tables
        if tables is not None:
            tables.discard(access_key.kind, access_key.key)
            if not tables.tables:
                fields[-1].tables = None
        for name in reversed(path):
            field = fields.pop()
            if field.fields or field.tables is not None:
                return
            del fields[-1].fields[name]

    def _choose(
        self, pattern: EventPattern, combinations: Iterable[int], used: int
    ) -> dict[int, list[int]]:
        """Returns the leaf that finds each combination; -1 if missing values may satisfy it."""
        chosen: dict[int, list[int]] = {}
        unused = pattern.required & ~used
        costs: dict[int, int] = {}
        for combination in combinations:
            candidates = combination & unused
            best = -1
            while candidates:
                position = (candidates & -candidates).bit_length() - 1
                candidates &= candidates - 1
                if position not in costs:
                    costs[position] = self._leaf_cost(pattern, position)
                if best < 0 or costs[position] < costs[best]:
                    best = position
            chosen.setdefault(best, []).append(combination)
        return chosen

    def _leaf_cost(self, pattern: EventPattern, position: int) -> int:
        if position < 0:
            return 1_000
        leaf = pattern.leaves[position]
        cost = 0
        for access_key in self._access_keys(leaf.path, leaf.values, absent=False):
            bucket = self._find_bucket(leaf.path, access_key)
            cost += access_key.cost + (bucket.cost() if bucket else 0)
        return cost

    def _add_optional(self, rule: Rule, pattern: EventPattern, combinations: list[int]) -> None:
        """Adds combinations that need no value. A value finds them, and so does the lack of one."""
        for combination in combinations:
            absent = True
            for position, leaf in enumerate(pattern.leaves):
                if combination >> position & 1:
                    for access_key in self._access_keys(leaf.path, leaf.values, absent=absent):
                        entry = IndexEntry(
                            rule, pattern, [combination], combination, divisible=False
                        )
                        self._bucket(leaf.path, access_key).add(entry)
                    # If all values are missing, so is that of the first leaf.
                    absent = False

    def _access_keys(self, path: Path, values: ValueList, *, absent: bool) -> list[AccessKey]:
        def shared(access_key: AccessKey) -> int:
            bucket = self._find_bucket(path, access_key)
            return bucket.cost() if bucket else 0

        return access_keys(values, shared, absent=absent)

    def _find_bucket(self, path: Path, access_key: AccessKey) -> Bucket | None:
        field: _Field | None = self._root
        for name in path:
            if field is None:
                return None
            field = field.fields.get(name)
        if field is None or field.tables is None:
            return None
        return field.tables.get(access_key.kind, access_key.key)

    def _bucket(self, path: Path, access_key: AccessKey) -> Bucket:
        if access_key.kind == ABSENT:
            if path not in self._absent:
                self._absent[path] = Bucket(self, path, access_key)
            return self._absent[path]
        field = self._root
        for name in path:
            if name not in field.fields:
                field.fields[name] = _Field()
            field = field.fields[name]
        if field.tables is None:
            field.tables = FieldTables()
        bucket = field.tables.get(access_key.kind, access_key.key)
        if bucket is None:
            bucket = Bucket(self, path, access_key)
            field.tables.add(access_key.kind, access_key.key, bucket)
        return bucket


def _walk(field: _Field, value: Mapping[str, object], found: FoundEntries[Bucket]) -> None:
    """Appends the buckets that an object finds below a field; loops over the smaller one."""
    fields = field.fields
    found.work.take(1)
    if len(fields) <= len(value):
        for name, inner in fields.items():
            if name in value:
                _visit(inner, value[name], found)
    else:
        for name, member in value.items():
            if name in fields:
                _visit(fields[name], member, found)


def _visit(field: _Field, value: object, found: FoundEntries[Bucket]) -> None:
    if isinstance(value, dict):
        if field.fields:
            _walk(field, value, found)
    elif isinstance(value, list):
        for element in value:
            _visit(field, element, found)
    elif field.tables is not None:
        field.tables.find(value, found)


def _walk_set(field: _Field, objects: ObjectSet, found: FoundEntries[Bucket]) -> None:
    """Appends the buckets that the objects of a set find below a field."""
    fields, names = field.fields, objects.names()
    shared = (
        [name for name in fields if name in names]
        if len(fields) <= len(names)
        else [name for name in names if name in fields]
    )
    found.work.take(len(shared))
    for name in shared:
        inner, value = fields[name], objects.scalar(name)
        if value is not NO_SCALAR:
            if inner.tables is not None:
                inner.tables.find_one(value, found)
        elif (column := objects.column(name)) is not None:
            if inner.tables is not None:
                inner.tables.find_any(column.values, found)
            if inner.fields and column.objects is not None:
                _walk_set(inner, column.objects, found)


def _has_value(event: EventView, path: Path) -> bool:
    """Returns whether there is a scalar at a path, in any element of the arrays on the path."""
    level: list[object] = [event.document]
    for name in path:
        level = _flat(value[name] for value in level if isinstance(value, dict) and name in value)
    return any(not isinstance(value, dict) for value in level)


def _set_has_value(event: EventView, path: Path) -> bool:
    objects: ObjectSet | None = event.root
    for name in path[:-1]:
        column = objects.nested(name) if objects is not None else None
        objects = column.objects if column is not None else None
    return objects is not None and objects.lacking(path[-1]) != objects.numbers


def _flat(values: Iterable[object]) -> list[object]:
    flat = []
    stack = list(values)
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(value)
        else:
            flat.append(value)
    return flat
