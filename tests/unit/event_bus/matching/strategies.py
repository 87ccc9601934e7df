"""Small worlds of events and patterns, in which collisions are likely.

Hypothesis draws one seed for each, and plain code makes the pattern or the event from it. That
takes about a sixth of the time of drawing every value, but such a value cannot be shrunk.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from event_bus.json_numbers import ExactNumber
from hypothesis import strategies as st

Make = Callable[[Random], Any]
"""Makes a random value."""


def among(*values: Any) -> Make:
    """Makes one of some values."""
    return lambda rng: rng.choice(values)


def one_of(*makers: Make) -> Make:
    """Makes a value of one of some kinds."""
    return lambda rng: rng.choice(makers)(rng)


def lists(each: Make, least: int, most: int) -> Make:
    """Makes a list of so many values."""
    return lambda rng: [each(rng) for _ in range(rng.randint(least, most))]


def objects(each: Make, least: int = 0, most: int = 3) -> Make:
    """Makes an object with so many members, at most three."""
    return lambda rng: {name: each(rng) for name in rng.sample(_NAMES, rng.randint(least, most))}


def member(name: str, make: Make) -> Make:
    """Makes an object with one member."""
    return lambda rng: {name: make(rng)}


def drawn(make: Make) -> st.SearchStrategy[Any]:
    """Draws the seed of a value."""
    return st.integers(0, 2**32 - 1).map(lambda seed: make(Random(seed)))


_NAMES = ("a", "b", "c")
_STRINGS = (
    "",
    "x",
    "X",
    "xy",
    "xyz",
    "Yz",
    "a*b",
    "straße",
    "STRASSE",
    "ß",
    "10.0.0.1",
    "10.0.9.1",
    "::1",
)
STRINGS = st.sampled_from(_STRINGS)
_TEXT = among(*_STRINGS)
_NUMBER = among(-1, 0, 1, 1.0, 1.5, 2, 3, 1e300, -0.0)
# Numbers that no double holds, beside those they are next to.
_EVENT_NUMBER = one_of(
    _NUMBER,
    among(
        *map(
            ExactNumber,
            ("1e-400", "1.00000000000000001", "18446744073709551616", "9007199254740993.0"),
        )
    ),
)
_SCALAR = one_of(_TEXT, _TEXT, _NUMBER, among(True, False), among(None))
EVENT_TYPES = st.sampled_from(["t.a", "t.b", "t.a.b", "u"])
TYPE_PATTERNS = st.sampled_from(["t.*", "*", "t.a", "*.a", "t.a.*", "*.*", "u", "t.*.b"])

_GLOB = among("x*", "*z", "x*z", "*", r"a\*b", "*y*", "xyz", "*x*y*z*")
_BLOCK = among("10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "::/64")
_RANGE = one_of(
    lambda rng: [rng.choice(("=", "<", "<=", ">", ">=")), _NUMBER(rng)],
    lambda rng: [
        rng.choice((">", ">=")),
        rng.choice((-2, 0)),
        rng.choice(("<", "<=")),
        rng.choice((1, 2.5)),
    ],
)
_NEGATED = one_of(
    _TEXT,
    _NUMBER,
    lists(_TEXT, 1, 3),
    lists(_NUMBER, 1, 3),
    member("prefix", among("x", "X")),
    lambda _: {"suffix": ["z", "y"]},
    member("equals-ignore-case", _TEXT),
    member("wildcard", lists(_GLOB, 1, 2)),
)
_AFFIX = one_of(_TEXT, member("equals-ignore-case", _TEXT))


def _values(exists: tuple[bool, ...]) -> Make:
    """Makes lists of values and match expressions of a field."""
    expression = one_of(
        member("prefix", _AFFIX),
        member("suffix", _AFFIX),
        member("equals-ignore-case", _TEXT),
        member("wildcard", _GLOB),
        member("anything-but", _NEGATED),
        member("numeric", _RANGE),
        member("cidr", _BLOCK),
        member("exists", among(*exists)),
    )
    return lists(one_of(_SCALAR, expression), 1, 3)


def patterns(exists: tuple[bool, ...] = (False, True)) -> st.SearchStrategy[dict[str, Any]]:
    """Event patterns, most of them valid.

    Args:
        exists: What they may ask of `exists`.
    """
    leaf = _values(exists)
    # Few events meet more than one condition.
    small = objects(leaf, 1, 1)
    level = objects(leaf, 1)
    for _ in range(2):
        fields = objects(one_of(leaf, leaf, level), 1)
        level = one_of(fields, fields, _with_alternatives(fields, lists(level, 2, 3)))
    return drawn(one_of(small, level))


def _with_alternatives(fields: Make, alternatives: Make) -> Make:
    return lambda rng: {**fields(rng), "$or": alternatives(rng)}


def documents(*, arrays: bool, exact: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """Events."""
    scalar = one_of(_SCALAR, _EVENT_NUMBER) if exact else _SCALAR
    value = scalar
    for _ in range(3):
        kinds = [scalar, objects(value)]
        if arrays:
            kinds.append(lists(value, 0, 3))
        value = one_of(*kinds)
    return drawn(one_of(objects(scalar, 2), objects(value)))
