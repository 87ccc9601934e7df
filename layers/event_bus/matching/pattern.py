"""Event patterns: what a filter demands of the fields of an event.

The language is that of Amazon EventBridge ("Amazon EventBridge event patterns" in its user guide).
A pattern is compiled once. It walks events with few elements (`walk_matching`), and compares the
elements of others as sets (`set_matching`). If many patterns are matched against an event, most of
them use sets for fewer elements, too.
"""

from collections.abc import Iterator, Mapping

from event_bus.matching import set_matching, walk_matching
from event_bus.matching.errors import InvalidPatternError, below
from event_bus.matching.event_view import EventView
from event_bus.matching.expressions import Budget, ValueList
from event_bus.matching.limits import (
    EVENT_WORK,
    MAX_DEPTH,
    MAX_FIELDS,
    MAX_NAME_LENGTH,
    MAX_OR_COMBINATIONS,
)
from event_bus.matching.work import OutOfWork, Work

OR = "$or"

_KEPT_PLANS = 2
"""Combinations of `$or` up to which a pattern keeps their plans."""

# Names that event-ruler does not accept as fields inside `$or`
# (RESERVED_FIELD_NAMES_IN_OR_RELATIONSHIP in its Constants.java).
_RESERVED_IN_OR = frozenset(
    {"anything-but", "anything-but-ignore-case", "cidr", "equals-ignore-case", "exactly", "exists"}
    | {"numeric", "prefix", "regex", "suffix", "wildcard", "=", "<", "<=", ">", ">="}
    | {"date-after", "date-before", "date-on-or-after", "date-on-or-before", "in-date-range"}
    | {"ip-address-in-range", "ip-address-not-in-range", "not-equals-ignore-case", "not-wildcard"}
)


class Leaf:
    """What a pattern demands of one field, at one place.

    Attributes:
        path: The names of the fields from the top of the event to this one.
        pointer: The JSON pointer of its place in the pattern.
        values: The values that satisfy it.
    """

    __slots__ = ("path", "pointer", "values")

    def __init__(self, path: tuple[str, ...], pointer: str, values: ValueList) -> None:
        self.path = path
        self.pointer = pointer
        self.values = values


class EventPattern:
    """A compiled event pattern. Immutable.

    Args:
        pattern: The pattern, parsed from JSON.

    Attributes:
        leaves: What it demands of each field.
        combinations: One set of leaves for each combination of `$or` branches, as a bit mask over
            the positions in `leaves`; the pattern matches when all leaves of one set are satisfied.
        required: The leaves that need a value, as a bit mask.
        cost: The steps of its check if values are short and no array is large.

    Raises:
        InvalidPatternError: It is not an event pattern, or it exceeds a limit.
    """

    __slots__ = ("_only", "_ready", "_root", "combinations", "cost", "leaves", "required")

    def __init__(self, pattern: object) -> None:
        reader = _PatternReader()
        self.combinations = tuple(reader.read_object(pattern, "", (), depth=1, in_or=False))
        self.leaves = tuple(reader.leaves)
        self.required = sum(
            1 << position for position, leaf in enumerate(self.leaves) if not leaf.values.absent
        )
        self.cost = sum(2 * len(leaf.path) + leaf.values.cost for leaf in self.leaves)
        self._root = walk_matching.tree(self.leaves, self.combinations)
        self._only = self.leaves[0] if len(self.leaves) == 1 else None
        # Further plans would take memory, and few events need them.
        kept = len(self.combinations) <= _KEPT_PLANS
        self._ready = tuple(map(self._plan, self.combinations)) if kept else None

    def matches(self, document: Mapping[str, object]) -> bool:
        """Returns whether an event satisfies the pattern.

        Args:
            document: The event, parsed from JSON.
        """
        try:
            return self.satisfied_by(EventView(document), Work(EVENT_WORK))
        except OutOfWork:
            return False

    def satisfied_by(self, event: EventView, work: Work) -> bool:
        """Returns whether an event satisfies the pattern.

        Args:
            event: The event.
            work: The work that is allowed.

        Raises:
            OutOfWork: The check needs more work than is allowed.
        """
        if event.walked and not (event.crowded and self._ready):
            return walk_matching.matches(self._root, event.document, work)
        if self._only is not None:
            return set_matching.meets(event.root, self._only, work)
        plans = self._plans(work) if self._ready is None else self._ready
        return set_matching.matches(event.root, plans, work)

    def _plans(self, work: Work) -> Iterator[set_matching.ObjectDemands]:
        for combination in self.combinations:
            work.take(8 * combination.bit_count())
            yield self._plan(combination)

    def _plan(self, combination: int) -> set_matching.ObjectDemands:
        return set_matching.plan(
            [leaf for place, leaf in enumerate(self.leaves) if combination >> place & 1]
        )


class _PatternReader:
    """Reads one pattern: collects its leaves, and their combinations by `$or`."""

    __slots__ = ("_budget", "_paths", "_product", "leaves")

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self._budget = Budget()
        self._paths: set[tuple[str, ...]] = set()
        self._product = 1

    def read_object(
        self, pattern: object, pointer: str, path: tuple[str, ...], *, depth: int, in_or: bool
    ) -> list[int]:
        """Returns the combinations of leaves that satisfy an object of the pattern.

        Args:
            pattern: The object.
            pointer: Its JSON pointer in the pattern.
            path: The names of the fields around it.
            depth: Its level, from 1 on.
            in_or: Whether it is inside `$or`, where some names are not fields.

        Returns:
            Each combination as a bit mask over `leaves`.

        Raises:
            InvalidPatternError: The object is not a pattern, or exceeds a limit.
        """
        if not isinstance(pattern, dict):
            raise InvalidPatternError(pointer, "a pattern is an object")
        if not pattern:
            raise InvalidPatternError(pointer, "an empty object demands nothing: name a field")
        if depth > MAX_DEPTH:
            raise InvalidPatternError(pointer, f"a pattern has at most {MAX_DEPTH} levels")
        combinations = [0]
        for name, value in pattern.items():
            _check_name(name, pointer, in_or=in_or)
            at = below(pointer, name)
            if name == OR:
                added = self._read_or(value, at, path, depth)
            elif isinstance(value, dict):
                added = self.read_object(value, at, (*path, name), depth=depth + 1, in_or=in_or)
            elif isinstance(value, list):
                added = [self._read_leaf(value, at, (*path, name))]
            else:
                raise InvalidPatternError(
                    at, "a field holds an array of values, or an object of fields"
                )
            combinations = [one | other for one in combinations for other in added]
        return combinations

    def _read_or(
        self, branches: object, pointer: str, path: tuple[str, ...], depth: int
    ) -> list[int]:
        if not isinstance(branches, list) or len(branches) < 2:
            raise InvalidPatternError(pointer, "$or is an array of at least 2 objects")
        # The user guide counts in this way: nested arrays multiply as well.
        self._product *= len(branches)
        if self._product > MAX_OR_COMBINATIONS:
            raise InvalidPatternError(
                pointer, f"$or makes at most {MAX_OR_COMBINATIONS} combinations"
            )
        combinations: list[int] = []
        for position, branch in enumerate(branches):
            combinations += self.read_object(
                branch, below(pointer, position), path, depth=depth + 1, in_or=True
            )
        return combinations

    def _read_leaf(self, values: list[object], pointer: str, path: tuple[str, ...]) -> int:
        self._paths.add(path)
        if len(self._paths) > MAX_FIELDS:
            raise InvalidPatternError(pointer, f"a pattern names at most {MAX_FIELDS} fields")
        self.leaves.append(Leaf(path, pointer, ValueList(values, pointer, self._budget)))
        return 1 << len(self.leaves) - 1


def _check_name(name: object, pointer: str, *, in_or: bool) -> None:
    if not isinstance(name, str):
        raise InvalidPatternError(pointer, "the name of a field is a string")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidPatternError(
            pointer, f"the name of a field has at most {MAX_NAME_LENGTH} characters"
        )
    if in_or and name in _RESERVED_IN_OR:
        raise InvalidPatternError(
            below(pointer, name), "inside $or the name of a comparison is not a field"
        )
