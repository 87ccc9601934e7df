"""The comparisons of event patterns, other than equality.

Each is immutable, and `matches(value)` compares one JSON scalar. The rules are those of
"Comparison operators for use in event patterns" in the Amazon EventBridge user guide.
"""

from typing import Any, Final, Protocol

from event_bus.json_numbers import ExactNumber, number_key
from event_bus.matching.addresses import Address, parse_address
from event_bus.matching.ignore_case import CaseInsensitiveText
from event_bus.matching.wildcards import Glob
from event_bus.matching.work import SHORT_TEXT, text_steps


class _Boolean:
    """A JSON boolean as a key, since Python's True and 1 are the same key."""

    __slots__ = ()


_LAST_CHARACTER = chr(0x10FFFF)

_TRUE: Final = _Boolean()
_FALSE: Final = _Boolean()


def scalar_key(value: Any) -> object:
    """Returns the hash key of a JSON scalar. Equal JSON values, such as 1 and 1.0, share one.

    Args:
        value: A string, number, boolean or None.
    """
    kind = value.__class__
    if kind is str:
        return value
    if kind is bool:
        return _TRUE if value else _FALSE
    if kind is float or kind is ExactNumber:
        return number_key(value)
    return value


def is_number(value: object) -> bool:
    """Returns whether a JSON scalar, or its hash key, is a number."""
    return isinstance(value, int | float | ExactNumber) and not isinstance(value, bool)


def comparing_steps(operator: "Operator", value: object) -> int:
    """Returns what the comparison of a value costs, in steps of `Work`."""
    if not operator.searches or not isinstance(value, str) or len(value) < SHORT_TEXT:
        return operator.steps
    if isinstance(operator, AnythingButMatching):
        return sum(comparing_steps(each, value) for each in operator.operators)
    steps = operator.steps * text_steps(len(value))
    if isinstance(operator, Wildcard):
        steps += operator.glob.searching_steps(len(value))
    return steps


def beyond(text: str) -> str | None:
    """Returns the lowest string that sorts after all strings with this beginning, or None."""
    stem = text.rstrip(_LAST_CHARACTER)
    return stem[:-1] + chr(ord(stem[-1]) + 1) if stem else None


class Operator(Protocol):
    """One comparison.

    Attributes:
        steps: What the comparison of a short value costs, in steps of `Work`.
        searches: Whether the cost grows with the length of the text, from `SHORT_TEXT` on.
    """

    @property
    def steps(self) -> int: ...  # noqa: D102
    @property
    def searches(self) -> bool: ...  # noqa: D102

    def matches(self, value: object) -> bool:
        """Returns whether a JSON scalar satisfies it."""


class Prefix:
    """`prefix`: a string that begins with the text.

    Attributes:
        text: The text.
        beyond: The lowest string that sorts after all that begin with it; None if there is none.
    """

    __slots__ = ("beyond", "text")
    steps: Final = 1
    searches: Final = False

    def __init__(self, text: str) -> None:
        self.text = text
        self.beyond = beyond(text)

    def matches(self, value: object) -> bool:
        """Returns whether a JSON scalar satisfies it."""
        return isinstance(value, str) and value.startswith(self.text)


class Suffix:
    """`suffix`: a string that ends with the text.

    Attributes:
        text: The text.
        backward: The text from its end to its beginning.
        beyond: The lowest string that sorts after all that begin with `backward`; None if there is
            none.
    """

    __slots__ = ("backward", "beyond", "text")
    steps: Final = 1
    searches: Final = False

    def __init__(self, text: str) -> None:
        self.text = text
        self.backward = text[::-1]
        self.beyond = beyond(self.backward)

    def matches(self, value: object) -> bool:
        """Returns whether a JSON scalar satisfies it."""
        return isinstance(value, str) and value.endswith(self.text)


class _IgnoringCase:
    """A comparison with a text in either case."""

    __slots__ = ("steps", "text")
    searches: Final = False

    def __init__(self, text: CaseInsensitiveText) -> None:
        self.text = text
        self.steps = text.steps


class EqualsIgnoreCase(_IgnoringCase):
    """`equals-ignore-case`: a string that is the text in either case."""

    __slots__ = ()

    def matches(self, value: object) -> bool:
        """Returns whether a JSON scalar satisfies it."""
        return isinstance(value, str) and self.text.equals(value)


class PrefixIgnoreCase(_IgnoringCase):
    """`prefix` of `equals-ignore-case`: a string that begins with the text in either case."""

    __slots__ = ()

    def matches(self, value: object) -> bool:
        """Returns whether a JSON scalar satisfies it."""
        return isinstance(value, str) and self.text.begins(value)


class SuffixIgnoreCase(_IgnoringCase):
    """`suffix` of `equals-ignore-case`: a string that ends with the text in either case."""

    __slots__ = ()

    def matches(self, value: object) -> bool:
        """Returns whether a JSON scalar satisfies it."""
        return isinstance(value, str) and self.text.ends(value)


class Wildcard:
    """`wildcard`: a string that contains the literal parts in their order."""

    __slots__ = ("glob",)
    steps: Final = 6
    searches: Final = True

    def __init__(self, glob: Glob) -> None:
        self.glob = glob

    def matches(self, value: object) -> bool:
        """Returns whether a JSON scalar satisfies it."""
        return isinstance(value, str) and self.glob.matches(value)


class Numeric:
    """`numeric`: a number between two bounds, each of which may be open or infinite.

    Bounds are hash keys of numbers, which compare by value.
    """

    __slots__ = ("lower", "lower_open", "upper", "upper_open")
    steps: Final = 1
    searches: Final = False

    def __init__(
        self,
        lower: float = float("-inf"),
        upper: float = float("inf"),
        *,
        lower_open: bool = False,
        upper_open: bool = False,
    ) -> None:
        self.lower = lower
        self.upper = upper
        self.lower_open = lower_open
        self.upper_open = upper_open

    def matches(self, value: object) -> bool:
        """Returns whether a JSON scalar satisfies it."""
        kind = value.__class__
        if kind is not int and kind is not float and kind is not ExactNumber:
            return False
        key: Any = scalar_key(value)
        return bool(
            (self.lower < key if self.lower_open else self.lower <= key)
            and (key < self.upper if self.upper_open else key <= self.upper)
        )


class Cidr:
    """`cidr`: a string that is an address inside the block."""

    __slots__ = ("bits", "network", "width")
    steps: Final = 1
    searches: Final = False

    def __init__(self, address: Address, bits: int) -> None:
        self.width = address[0]
        self.bits = bits
        self.network = address[1] >> (self.width - bits)

    def matches(self, value: object) -> bool:
        """Returns whether a JSON scalar satisfies it."""
        if not isinstance(value, str):
            return False
        address = parse_address(value)
        return (
            address is not None
            and address[0] == self.width
            and address[1] >> (self.width - self.bits) == self.network
        )


class AnythingBut:
    """`anything-but` of values: a scalar that is none of them."""

    __slots__ = ("keys",)
    steps: Final = 1
    searches: Final = False

    def __init__(self, values: list[object]) -> None:
        self.keys = frozenset(map(scalar_key, values))

    def matches(self, value: object) -> bool:
        """Returns whether a JSON scalar satisfies it."""
        # Most values are strings, which are their own keys.
        return (value if value.__class__ is str else scalar_key(value)) not in self.keys


class AnythingButMatching:
    """`anything-but` of comparisons: a scalar that satisfies none of them."""

    __slots__ = ("operators", "searches", "steps")

    def __init__(self, operators: list[Operator]) -> None:
        self.operators = tuple(operators)
        self.steps = sum(operator.steps for operator in operators)
        self.searches = any(operator.searches for operator in operators)

    def matches(self, value: object) -> bool:
        """Returns whether a JSON scalar satisfies it."""
        return not any(operator.matches(value) for operator in self.operators)
