"""The comparisons that a value of an event can be put to, plain equality aside.

Each is immutable and answers `matches(value)` for one JSON scalar. The rules are those of
"Comparison operators for use in event patterns" in the Amazon EventBridge user guide.
"""

from typing import Final, Protocol

from event_bus.matching.addresses import Address, parse_address
from event_bus.matching.ignore_case import CaseInsensitiveText
from event_bus.matching.wildcards import Glob


class _Boolean:
    """Stands for a JSON boolean in a hash table, where True and 1 would be one key."""

    __slots__ = ()


_TRUE: Final = _Boolean()
_FALSE: Final = _Boolean()


def scalar_key(value: object) -> object:
    """The hash key of a JSON scalar: equal for equal JSON values, so 1 and 1.0 share one.

    Args:
        value: A string, number, boolean or None.
    """
    if value.__class__ is bool:
        return _TRUE if value else _FALSE
    return value


class Operator(Protocol):
    """One comparison."""

    def matches(self, value: object) -> bool:
        """Whether a JSON scalar satisfies it."""


class Prefix:
    """`prefix`: a string that begins with the text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def matches(self, value: object) -> bool:
        """Whether a JSON scalar satisfies it."""
        return isinstance(value, str) and value.startswith(self.text)


class Suffix:
    """`suffix`: a string that ends with the text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def matches(self, value: object) -> bool:
        """Whether a JSON scalar satisfies it."""
        return isinstance(value, str) and value.endswith(self.text)


class EqualsIgnoreCase:
    """`equals-ignore-case`: a string that is the text in either case."""

    __slots__ = ("text",)

    def __init__(self, text: CaseInsensitiveText) -> None:
        self.text = text

    def matches(self, value: object) -> bool:
        """Whether a JSON scalar satisfies it."""
        return isinstance(value, str) and self.text.equals(value)


class PrefixIgnoreCase:
    """`prefix` of `equals-ignore-case`: a string that begins with the text in either case."""

    __slots__ = ("text",)

    def __init__(self, text: CaseInsensitiveText) -> None:
        self.text = text

    def matches(self, value: object) -> bool:
        """Whether a JSON scalar satisfies it."""
        return isinstance(value, str) and self.text.begins(value)


class SuffixIgnoreCase:
    """`suffix` of `equals-ignore-case`: a string that ends with the text in either case."""

    __slots__ = ("text",)

    def __init__(self, text: CaseInsensitiveText) -> None:
        self.text = text

    def matches(self, value: object) -> bool:
        """Whether a JSON scalar satisfies it."""
        return isinstance(value, str) and self.text.ends(value)


class Wildcard:
    """`wildcard`: a string that fits the parts between the asterisks."""

    __slots__ = ("glob",)

    def __init__(self, glob: Glob) -> None:
        self.glob = glob

    def matches(self, value: object) -> bool:
        """Whether a JSON scalar satisfies it."""
        return isinstance(value, str) and self.glob.matches(value)


class Numeric:
    """`numeric`: a number between two bounds, each of which may be open or infinite."""

    __slots__ = ("lower", "lower_open", "upper", "upper_open")

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
        """Whether a JSON scalar satisfies it."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        # Python compares integers with floats exactly, whatever their size.
        return (self.lower < value if self.lower_open else self.lower <= value) and (
            value < self.upper if self.upper_open else value <= self.upper
        )


class Cidr:
    """`cidr`: a string that is an address inside the block."""

    __slots__ = ("bits", "network", "width")

    def __init__(self, address: Address, bits: int) -> None:
        self.width = address[0]
        self.bits = bits
        self.network = address[1] >> (self.width - bits)

    def matches(self, value: object) -> bool:
        """Whether a JSON scalar satisfies it."""
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

    __slots__ = ("_keys",)

    def __init__(self, values: list[object]) -> None:
        self._keys = frozenset(map(scalar_key, values))

    def matches(self, value: object) -> bool:
        """Whether a JSON scalar satisfies it."""
        return scalar_key(value) not in self._keys


class AnythingButMatching:
    """`anything-but` of comparisons: a scalar that satisfies none of them."""

    __slots__ = ("_operators",)

    def __init__(self, operators: list[Operator]) -> None:
        self._operators = tuple(operators)

    def matches(self, value: object) -> bool:
        """Whether a JSON scalar satisfies it."""
        return not any(operator.matches(value) for operator in self._operators)
