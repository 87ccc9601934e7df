"""Reading the list of values that a pattern demands of one field.

The grammar of each match expression is that of "Comparison operators for use in event patterns" in
the Amazon EventBridge user guide and, where the guide is silent, of event-ruler.
"""

import math
import re
from collections.abc import Callable, Collection
from typing import cast

from event_bus.json_numbers import ExactNumber
from event_bus.matching.addresses import parse_address
from event_bus.matching.errors import InvalidPatternError, below
from event_bus.matching.ignore_case import CaseInsensitiveText
from event_bus.matching.limits import (
    MAX_OPERATORS,
    MAX_STRING_LENGTH,
    MAX_VALUES,
    MAX_WILDCARDS,
)
from event_bus.matching.operators import (
    AnythingBut,
    AnythingButMatching,
    Cidr,
    EqualsIgnoreCase,
    Numeric,
    Operator,
    Prefix,
    PrefixIgnoreCase,
    Suffix,
    SuffixIgnoreCase,
    Wildcard,
    is_number,
    scalar_key,
)
from event_bus.matching.wildcards import Glob, split_wildcard

# From this many members on, a set is faster than a tuple.
_SET_FROM = 5

_CIDR = re.compile(r"([^/]+)/(\d{1,3})", re.ASCII)
_IGNORE_CASE = "equals-ignore-case"


class Budget:
    """Counts the values and comparisons of one pattern, up to the limits."""

    __slots__ = ("_operators", "_values")

    def __init__(self) -> None:
        self._values = 0
        self._operators = 0

    def take_value(self, pointer: str) -> None:
        """Counts one value; refuses it, at `pointer`, if it is one too many.

        Raises:
            InvalidPatternError: It is one too many.
        """
        self._values += 1
        if self._values > MAX_VALUES:
            raise InvalidPatternError(pointer, f"a pattern has at most {MAX_VALUES} values")

    def take_operator(self, pointer: str) -> None:
        """Counts one comparison; refuses it, at `pointer`, if it is one too many.

        Raises:
            InvalidPatternError: It is one too many.
        """
        self._operators += 1
        if self._operators > MAX_OPERATORS:
            raise InvalidPatternError(
                pointer, f"a pattern has at most {MAX_OPERATORS} comparisons besides equality"
            )


class ValueList:
    """What a pattern demands of one field. Any one of the members satisfies it.

    Attributes:
        keys: The hash keys of the values that the field may equal.
        operators: The comparisons that it may satisfy.
        present: Whether any value of the field satisfies it.
        absent: Whether the lack of a value satisfies it.
    """

    __slots__ = ("absent", "keys", "operators", "present")

    @property
    def cost(self) -> int:
        """The steps of comparing one short value with all members."""
        return (1 + len(self.keys) // 4 if self.keys else 0) + sum(
            3 + (operator.steps if operator.steps > 1 else 0) for operator in self.operators
        )

    def __init__(self, values: list[object], pointer: str, budget: Budget) -> None:
        """Reads the list.

        Args:
            values: The JSON array at the field in the pattern.
            pointer: The JSON pointer of the array.
            budget: Counts the values and comparisons of the pattern.

        Raises:
            InvalidPatternError: A value is invalid, or there are too many.
        """
        if not values:
            raise InvalidPatternError(pointer, "an empty array would match nothing: list a value")
        keys: set[object] = set()
        operators: list[Operator] = []
        self.present = self.absent = False
        for position, value in enumerate(values):
            at = below(pointer, position)
            budget.take_value(at)
            if not isinstance(value, dict):
                keys.add(scalar_key(_scalar(value, at)))
                continue
            name, operand = _single_member(value, at)
            at = below(at, name)
            if name == "exists":
                if not isinstance(operand, bool):
                    raise InvalidPatternError(at, "exists is true or false")
                self.present |= operand
                self.absent |= not operand
            elif name == "numeric" and _operator_of(operand) == "=":
                keys.add(_equal_number(operand, at))
            elif name in _READERS:
                operators.append(_READERS[name](operand, at, budget))
            else:
                raise InvalidPatternError(
                    at,
                    f"there is no comparison named {name[:64]!r}: known are "
                    + ", ".join(sorted(COMPARISONS)),
                )
        # A tuple takes a third of the memory of a small set.
        self.keys: Collection[object] = tuple(keys) if len(keys) < _SET_FROM else frozenset(keys)
        self.operators = tuple(operators)


def _single_member(expression: dict[object, object], pointer: str) -> tuple[str, object]:
    if len(expression) != 1:
        raise InvalidPatternError(pointer, "a match expression has exactly one member")
    ((name, operand),) = expression.items()
    if not isinstance(name, str):
        raise InvalidPatternError(pointer, "the name of a comparison is a string")
    return name, operand


def _string(value: object, pointer: str, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidPatternError(pointer, f"{name} takes a string")
    if len(value) > MAX_STRING_LENGTH:
        raise InvalidPatternError(
            pointer, f"a string in a pattern has at most {MAX_STRING_LENGTH} characters"
        )
    return value


def _number(value: object, pointer: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidPatternError(
            pointer, _NO_DOUBLE if isinstance(value, ExactNumber) else "a number is needed"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidPatternError(pointer, "a number is finite")
    return cast("float", scalar_key(value))


_NO_DOUBLE = "a number in a pattern is one that 64 bits, or a double, hold"


def _scalar(value: object, pointer: str) -> object:
    if isinstance(value, str):
        return _string(value, pointer, "equality")
    if value is None or isinstance(value, bool):
        return value
    if is_number(value):
        return _number(value, pointer)
    raise InvalidPatternError(
        pointer, "a value is a string, a number, true, false, null or a match expression"
    )


def _ignoring_case(operand: dict[object, object], pointer: str, name: str) -> CaseInsensitiveText:
    inner, text = _single_member(operand, pointer)
    if inner != _IGNORE_CASE:
        raise InvalidPatternError(
            below(pointer, inner), f"{name} takes a string or {_IGNORE_CASE}, nothing else"
        )
    return CaseInsensitiveText(_string(text, below(pointer, inner), _IGNORE_CASE))


def _prefix(operand: object, pointer: str, budget: Budget) -> Operator:
    budget.take_operator(pointer)
    if isinstance(operand, dict):
        return PrefixIgnoreCase(_ignoring_case(operand, pointer, "prefix"))
    return Prefix(_string(operand, pointer, "prefix"))


def _suffix(operand: object, pointer: str, budget: Budget) -> Operator:
    budget.take_operator(pointer)
    if isinstance(operand, dict):
        return SuffixIgnoreCase(_ignoring_case(operand, pointer, "suffix"))
    return Suffix(_string(operand, pointer, "suffix"))


def _equals_ignore_case(operand: object, pointer: str, budget: Budget) -> Operator:
    budget.take_operator(pointer)
    return EqualsIgnoreCase(CaseInsensitiveText(_string(operand, pointer, _IGNORE_CASE)))


def _wildcard(operand: object, pointer: str, budget: Budget) -> Operator:
    budget.take_operator(pointer)
    try:
        parts = split_wildcard(_string(operand, pointer, "wildcard"))
    except InvalidPatternError:
        raise
    except ValueError as error:
        raise InvalidPatternError(pointer, str(error)) from None
    if len(parts) - 1 > MAX_WILDCARDS:
        raise InvalidPatternError(pointer, f"a wildcard has at most {MAX_WILDCARDS} asterisks")
    return Wildcard(Glob(parts))


def _cidr(operand: object, pointer: str, budget: Budget) -> Operator:
    budget.take_operator(pointer)
    found = _CIDR.fullmatch(_string(operand, pointer, "cidr"))
    address = parse_address(found[1]) if found else None
    if found is None or address is None:
        raise InvalidPatternError(pointer, "cidr takes an address and a prefix length: 10.0.0.0/24")
    bits = int(found[2])
    if bits >= address[0]:
        raise InvalidPatternError(
            pointer,
            f"the prefix length must be less than {address[0]}: "
            "write a single address as a plain value",
        )
    return Cidr(address, bits)


def _operator_of(operand: object) -> object:
    return operand[0] if isinstance(operand, list) and operand else None


def _equal_number(operand: object, pointer: str) -> float:
    if not isinstance(operand, list) or len(operand) != 2:
        raise InvalidPatternError(pointer, "= takes one number and cannot be combined")
    return _number(operand[1], pointer)


def _numeric(operand: object, pointer: str, budget: Budget) -> Operator:
    budget.take_operator(pointer)
    match operand:
        case [("<" | "<=") as upper_is, top]:
            return Numeric(upper=_number(top, pointer), upper_open=upper_is == "<")
        case [(">" | ">=") as lower_is, bottom]:
            return Numeric(_number(bottom, pointer), lower_open=lower_is == ">")
        case [(">" | ">=") as lower_is, bottom, ("<" | "<=") as upper_is, top]:
            lower, upper = _number(bottom, pointer), _number(top, pointer)
            if not lower < upper:
                raise InvalidPatternError(
                    pointer, "the lower bound must be less than the upper one"
                )
            return Numeric(lower, upper, lower_open=lower_is == ">", upper_open=upper_is == "<")
    raise InvalidPatternError(
        pointer,
        "numeric takes =, <, <=, > or >= and a number, "
        'or a lower bound and then an upper one: [">", 0, "<=", 5]',
    )


def _anything_but(operand: object, pointer: str, budget: Budget) -> Operator:
    budget.take_operator(pointer)
    if isinstance(operand, dict):
        return _anything_but_matching(operand, pointer, budget)
    if not isinstance(operand, list):
        return AnythingBut([_string_or_number(operand, pointer)])
    if not operand:
        raise InvalidPatternError(pointer, "an empty list excludes nothing: use exists")
    for position, value in enumerate(operand):
        at = below(pointer, position)
        budget.take_value(at)
        _string_or_number(value, at)
        if isinstance(value, str) != isinstance(operand[0], str):
            raise InvalidPatternError(at, "the values are all strings or all numbers")
    return AnythingBut(operand)


def _string_or_number(value: object, pointer: str) -> object:
    if isinstance(value, str) or is_number(value):
        return _scalar(value, pointer)
    raise InvalidPatternError(
        pointer, "anything-but takes strings, numbers, or one of " + ", ".join(_NEGATABLE)
    )


def _anything_but_matching(operand: dict[object, object], pointer: str, budget: Budget) -> Operator:
    name, excluded = _single_member(operand, pointer)
    at = below(pointer, name)
    if name not in _NEGATABLE:
        raise InvalidPatternError(
            at, "anything-but negates values, or one of " + ", ".join(_NEGATABLE)
        )
    if not isinstance(excluded, list):
        return AnythingButMatching([_excluded(name, excluded, at, budget)])
    if not excluded:
        raise InvalidPatternError(at, "an empty list excludes nothing: use exists")
    operators = []
    for position, text in enumerate(excluded):
        budget.take_value(below(at, position))
        operators.append(_excluded(name, text, below(at, position), budget))
    return AnythingButMatching(operators)


def _excluded(name: str, text: object, pointer: str, budget: Budget) -> Operator:
    _string(text, pointer, name)
    # Every string begins with the empty string, so nothing would match.
    if text == "" and name in ("prefix", "suffix"):
        raise InvalidPatternError(pointer, f"the {name} that anything-but excludes is not empty")
    return _READERS[name](text, pointer, budget)


_READERS: dict[str, Callable[[object, str, Budget], Operator]] = {
    "anything-but": _anything_but,
    "cidr": _cidr,
    _IGNORE_CASE: _equals_ignore_case,
    "numeric": _numeric,
    "prefix": _prefix,
    "suffix": _suffix,
    "wildcard": _wildcard,
}

COMPARISONS = frozenset({"exists", *_READERS})
"""The names of all comparisons."""

_NEGATABLE = ("prefix", "suffix", _IGNORE_CASE, "wildcard")
