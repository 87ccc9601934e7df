"""Access keys, by which an index finds the patterns that a value of an event may satisfy.

A lookup may find too many patterns, never too few. Each one found is then checked.
"""

from collections.abc import Callable
from typing import NamedTuple

from event_bus.matching import operators
from event_bus.matching.expressions import ValueList
from event_bus.matching.operators import Operator
from event_bus.matching.wildcards import Glob

EQUAL = "equal"
FOLDED = "folded"
PREFIX = "prefix"
SUFFIX = "suffix"
INFIX = "infix"
FOLDED_PREFIX = "folded prefix"
FOLDED_SUFFIX = "folded suffix"
INTERVAL = "interval"
BLOCK = "block"
PRESENT = "present"
ABSENT = "absent"

# Prefixes and suffixes are cut to this length, which bounds how many lengths a lookup tries.
MAX_AFFIX_LENGTH = 64
# Searching a value for more texts than this costs as much as comparing it with each.
MAX_INFIXES = 5


class AccessKey(NamedTuple):
    """One key of a list of values.

    Attributes:
        kind: Which table holds it.
        key: Its key there.
        cost: A rank of how many values of events find it; lower is rarer.
    """

    kind: str
    key: object
    cost: int


_ANY_VALUE = AccessKey(PRESENT, None, 100)
_NO_VALUE = AccessKey(ABSENT, None, 100)


def access_keys(
    values: ValueList, shared: Callable[[AccessKey], int], *, absent: bool
) -> list[AccessKey]:
    """Returns the keys of a list of values. A value that satisfies the list finds one of them.

    Args:
        values: The list.
        shared: Returns how many other lists a key finds.
        absent: Whether a missing value finds the list too, if it satisfies the list.
    """
    keys = [_NO_VALUE] if absent and values.absent else []
    found = [_of_operator(operator, shared) for operator in values.operators]
    infixes = sum(each.kind == INFIX for each in found)
    if values.present or _ANY_VALUE in found or infixes > MAX_INFIXES:
        return [*keys, _ANY_VALUE]
    keys += [AccessKey(EQUAL, key, 1) for key in values.keys]
    return keys + list(dict.fromkeys(found))


def _of_operator(operator: Operator, shared: Callable[[AccessKey], int]) -> AccessKey:
    found = _ANY_VALUE
    match operator:
        case operators.Prefix():
            found = _affix(PREFIX, operator.text)
        case operators.Suffix():
            found = _affix(SUFFIX, operator.text)
        case operators.EqualsIgnoreCase():
            found = AccessKey(FOLDED, operator.text.folded, 2)
        case operators.PrefixIgnoreCase():
            found = _affix(FOLDED_PREFIX, operator.text.folded)
        case operators.SuffixIgnoreCase():
            found = _affix(FOLDED_SUFFIX, operator.text.folded)
        case operators.Wildcard():
            found = min(_of_glob(operator.glob), key=lambda key: key.cost + shared(key))
        case operators.Numeric(lower=lower, upper=upper):
            two_sided = lower > float("-inf") and upper < float("inf")
            found = AccessKey(INTERVAL, (lower, upper), 20 if two_sided else 50)
        case operators.Cidr(width=width, bits=bits):
            key = (width, bits, operator.network)
            found = AccessKey(BLOCK, key, 5 if bits >= width // 2 else 10)
    return found


def _of_glob(glob: Glob) -> list[AccessKey]:
    return [
        _affix(PREFIX, glob.head),
        _affix(SUFFIX, glob.tail),
        _affix(INFIX, max(glob.middle, key=len, default="")),
    ]


def _affix(kind: str, text: str) -> AccessKey:
    if not text:
        return _ANY_VALUE
    cut = text[-MAX_AFFIX_LENGTH:] if kind in (SUFFIX, FOLDED_SUFFIX) else text[:MAX_AFFIX_LENGTH]
    return AccessKey(kind, cut, max(3, 12 - 2 * len(cut)))
