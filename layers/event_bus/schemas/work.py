"""How many schemas may apply to one value of a payload.

References can make a small schema apply a very large number of schemas to one value: a chain of
thirty definitions, each of which refers twice to the next one, doubles the work thirty times. So
the number is computed before a schema is registered, and bounded.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from event_bus.errors import InvalidRequest, pointer
from event_bus.schemas.limits import MAX_CHAIN, MAX_CHECKS, PAYLOAD_DEPTH
from event_bus.schemas.structure import Path, Schema, children, reference_path, schemas_in, spelled

_Place = tuple[str, ...]
_Group = Counter[_Place]


def checks_of_a_value(schema: Schema, at: str = "") -> int:
    """Returns the number of schemas that may apply to one value of a payload, at most.

    Args:
        schema: A schema whose references all lead to schemas in it.
        at: The JSON pointer of the schema in the request.

    Raises:
        InvalidRequest: There are more than `MAX_CHECKS`, or a schema refers to itself without going
            down into the value, or twice for the same value.
    """
    return _Counting(schema, at).checks()


class _Counting:
    """Counts the schemas that apply to one value.

    Args:
        root: The whole schema.
        at: The JSON pointer of the schema in the request.
    """

    def __init__(self, root: Schema, at: str) -> None:
        self._at = at
        self._schemas: dict[_Place, Any] = {}
        self._paths: dict[_Place, Path] = {}
        for path, schema in schemas_in(root):
            self._schemas[spelled(path)] = schema
            self._paths[spelled(path)] = path
        self._closures: dict[_Place, _Group] = {}
        self._groups: dict[_Place, list[_Group]] = {}

    def checks(self) -> int:
        """Returns the number of schemas that may apply to one value, at most."""
        counted: dict[_Place, int] = {}
        for component in _components((), self._targets):
            counted |= dict.fromkeys(component, self._counted(component, counted))
        return counted[()]

    def _counted(self, component: frozenset[_Place], counted: dict[_Place, int]) -> int:
        own, below, recursive = 0, 0, False
        for place in sorted(component):
            own = max(own, self._closure(place, 0).total())
            for group in self._inner(place):
                again = sum(times for target, times in group.items() if target in component)
                if again > 1:
                    detail = "must not refer to itself more than once for the same value"
                    raise self._refusal(place, detail)
                recursive = recursive or again > 0
                others = [each for each in group.items() if each[0] not in component]
                below = max(below, sum(times * counted[target] for target, times in others))
        # Each level of a recursive schema may apply its other schemas to what lies below it.
        most = own + below * PAYLOAD_DEPTH if recursive else max(own, below)
        if most > MAX_CHECKS:
            raise self._refusal(min(component), _TOO_MANY)
        return most

    def _targets(self, place: _Place) -> set[_Place]:
        return {target for group in self._inner(place) for target in group}

    def _closure(self, place: _Place, chain: int) -> _Group:
        """Counts how often each schema checks the value that the schema at a place checks."""
        known = self._closures.get(place)
        if known is not None:
            if not known:
                detail = "must not refer to itself without going down into the value"
                raise self._refusal(place, detail)
            return known
        if chain > MAX_CHAIN:
            raise self._refusal(place, f"must not follow more than {MAX_CHAIN} references in a row")
        # Empty while it is being counted; finding it empty means a cycle.
        self._closures[place] = Counter()
        closure: _Group = Counter([place])
        for each in self._same_value(place):
            closure += self._closure(each, chain + 1)
            if closure.total() > MAX_CHECKS:
                raise self._refusal(place, _TOO_MANY)
        self._closures[place] = closure
        return closure

    def _same_value(self, place: _Place) -> Iterator[_Place]:
        schema = self._schemas[place]
        if isinstance(schema, dict):
            for child in children(schema):
                if child.same_value:
                    yield (*place, *spelled(child.path))
            if "$ref" in schema:
                yield reference_path(schema["$ref"]) or ()

    def _inner(self, place: _Place) -> list[_Group]:
        """Returns the schemas that may apply together, for each kind of member or element."""
        known = self._groups.get(place)
        if known is None:
            known = self._groups[place] = self._inner_groups(place)
        return known

    def _inner_groups(self, place: _Place) -> list[_Group]:
        named: dict[str, _Group] = {}
        others: _Group = Counter()
        for each, times in self._closure(place, 0).items():
            schema = self._schemas[each]
            for child in children(schema) if isinstance(schema, dict) else ():
                if child.inner_value:
                    member = child.member
                    group = others if member is None else named.setdefault(member, Counter())
                    group[(*each, *spelled(child.path))] += times
        return [others, *(group + others for group in named.values())]

    def _refusal(self, place: _Place, detail: str) -> InvalidRequest:
        return InvalidRequest.at(self._at + pointer(self._paths[place]), detail)


_TOO_MANY = f"must not apply more than {MAX_CHECKS} schemas to one value"


def _components(
    root: _Place, targets: Callable[[_Place], Iterable[_Place]]
) -> Iterator[frozenset[_Place]]:
    """Yields the strongly connected components of a graph, leaves first (Tarjan's algorithm)."""
    number: dict[_Place, int] = {}
    lowest: dict[_Place, int] = {}
    open_places: list[_Place] = []
    closed: set[_Place] = set()
    work: list[tuple[_Place, Iterator[_Place]]] = []

    def enter(place: _Place) -> None:
        number[place] = lowest[place] = len(number)
        open_places.append(place)
        work.append((place, iter(targets(place))))

    enter(root)
    while work:
        place, rest = work[-1]
        for target in rest:
            if target not in number:
                enter(target)
                break
            if target not in closed:
                lowest[place] = min(lowest[place], number[target])
        else:
            work.pop()
            if work:
                above = work[-1][0]
                lowest[above] = min(lowest[above], lowest[place])
            if lowest[place] == number[place]:
                start = open_places.index(place)
                component = frozenset(open_places[start:])
                del open_places[start:]
                closed |= component
                yield component
