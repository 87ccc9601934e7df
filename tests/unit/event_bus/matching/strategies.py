"""Small worlds of events and patterns, in which collisions are likely."""

from typing import Any

from event_bus.json_numbers import ExactNumber
from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "c"])
STRINGS = st.sampled_from(
    [
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
    ]
)
NUMBERS = st.sampled_from([-1, 0, 1, 1.0, 1.5, 2, 3, 1e300, -0.0])
# Numbers that no double holds, beside those they are next to.
EVENT_NUMBERS = st.one_of(
    NUMBERS,
    st.sampled_from(
        ["1e-400", "1.00000000000000001", "18446744073709551616", "9007199254740993.0"]
    ).map(ExactNumber),
)
SCALARS = st.one_of(STRINGS, STRINGS, NUMBERS, st.booleans(), st.none())
EVENT_TYPES = st.sampled_from(["t.a", "t.b", "t.a.b", "u"])
TYPE_PATTERNS = st.sampled_from(["t.*", "*", "t.a", "*.a", "t.a.*", "*.*", "u", "t.*.b"])

_GLOBS = st.sampled_from(["x*", "*z", "x*z", "*", r"a\*b", "*y*", "xyz", "*x*y*z*"])
_BLOCKS = st.sampled_from(["10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "::/64"])
_RANGES = st.one_of(
    st.tuples(st.sampled_from(["=", "<", "<=", ">", ">="]), NUMBERS).map(list),
    st.tuples(
        st.sampled_from([">", ">="]),
        st.sampled_from([-2, 0]),
        st.sampled_from(["<", "<="]),
        st.sampled_from([1, 2.5]),
    ).map(list),
)
_NEGATED = st.one_of(
    STRINGS,
    NUMBERS,
    st.lists(STRINGS, min_size=1, max_size=3),
    st.lists(NUMBERS, min_size=1, max_size=3),
    st.fixed_dictionaries({"prefix": st.sampled_from(["x", "X"])}),
    st.fixed_dictionaries({"suffix": st.just(["z", "y"])}),
    st.fixed_dictionaries({"equals-ignore-case": STRINGS}),
    st.fixed_dictionaries({"wildcard": st.lists(_GLOBS, min_size=1, max_size=2)}),
)
_AFFIX = st.one_of(STRINGS, st.fixed_dictionaries({"equals-ignore-case": STRINGS}))


def values(exists: st.SearchStrategy[bool]) -> st.SearchStrategy[list[Any]]:
    """Lists of values and match expressions of a field."""
    expression = st.one_of(
        st.fixed_dictionaries({"prefix": _AFFIX}),
        st.fixed_dictionaries({"suffix": _AFFIX}),
        st.fixed_dictionaries({"equals-ignore-case": STRINGS}),
        st.fixed_dictionaries({"wildcard": _GLOBS}),
        st.fixed_dictionaries({"anything-but": _NEGATED}),
        st.fixed_dictionaries({"numeric": _RANGES}),
        st.fixed_dictionaries({"cidr": _BLOCKS}),
        st.fixed_dictionaries({"exists": exists}),
    )
    return st.lists(st.one_of(SCALARS, expression), min_size=1, max_size=3)


def patterns(exists: st.SearchStrategy[bool]) -> st.SearchStrategy[dict[str, Any]]:
    """Event patterns, most of them valid."""
    leaf = values(exists)
    level = st.dictionaries(NAMES, leaf, min_size=1, max_size=3)
    for _ in range(2):
        inner = level
        fields = st.dictionaries(NAMES, st.one_of(leaf, leaf, inner), min_size=1, max_size=3)
        alternatives = st.lists(inner, min_size=2, max_size=3)
        level = st.one_of(
            fields,
            fields,
            st.tuples(fields, alternatives).map(lambda both: {**both[0], "$or": both[1]}),
        )
    return level


def documents(*, arrays: bool, exact: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """Events."""
    scalars = st.one_of(SCALARS, EVENT_NUMBERS) if exact else SCALARS
    value: st.SearchStrategy[Any] = scalars
    for _ in range(3):
        inner = value
        kinds: list[st.SearchStrategy[Any]] = [scalars, st.dictionaries(NAMES, inner, max_size=3)]
        if arrays:
            kinds.append(st.lists(inner, max_size=3))
        value = st.one_of(kinds)
    return st.dictionaries(NAMES, value, max_size=3)
