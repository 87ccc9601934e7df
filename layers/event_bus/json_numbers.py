"""JSON numbers by their exact value.

An integer of at most 64 bits is read as an `int`. A decimal is read as a `float` if the `float`,
written out, is the same number. Any other number is read as an `ExactNumber`, which is written as
it was sent: `9007199254740993.0`, `1e-400`, an integer of more than 64 bits.
"""

import json
import math
import re
import sys
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

MAX_DIGITS = 400
"""The most digits of a number, and the most powers of ten by which it is smaller than 1."""

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_LARGEST_POWER = sys.float_info.max_10_exp
# A decimal of at most this many characters stays the same if it is read as a double and written
# again.
_SAFE_CHARACTERS = 16
# Below this bound, comparing two floats, or a float and an integer, gives the same result as
# comparing the decimals that they are written as.
_WHOLE_BELOW = float(2**53)

# Finds numbers that a double may not represent: many digits, or an exponent of three digits. It
# searches text that `_UNIFORM` has changed: each digit is a 0, and each character that may precede
# a number is a colon.
_UNIFORM = bytes.maketrans(b"123456789.E+,[ \n\r\t", b"0000000000e-::::::")
_MANY_DIGITS = b"0" * _SAFE_CHARACTERS
_INEXACT = re.compile(rb":-?(?:0{16}|0{1,15}e-?000)")


class ExactNumber:
    """A JSON number that neither a 64-bit integer nor a double represents exactly.

    Args:
        text: The number as it was sent.

    Attributes:
        text: The number as it was sent.
        value: The exact value of the number.

    Raises:
        ValueError: It is beyond the largest double, or has more digits than `MAX_DIGITS`.
    """

    __slots__ = ("_double", "_hash", "_key", "_side", "text", "value")

    def __init__(self, text: str) -> None:
        try:
            value = Decimal(text) if len(text) <= MAX_DIGITS + 16 else None
        except InvalidOperation:
            value = None
        if value is None or (len(text) > MAX_DIGITS and len(value.as_tuple().digits) > MAX_DIGITS):
            raise ValueError(text)
        magnitude = value.adjusted() if value else 0
        # Many readers refuse a whole document for a number beyond a double.
        beyond = magnitude >= _LARGEST_POWER and math.isinf(float(text))
        if beyond or magnitude < -MAX_DIGITS:
            raise ValueError(text)
        self.text = text
        self.value = value
        self._key: object = None
        self._hash: int | None = None
        self._double: float | None = None
        self._side: int | None = None

    @property
    def key(self) -> object:
        """The hash key that numbers of the same value share: an integer if 64 bits hold it."""
        if self._key is None:
            small = _SMALLEST <= self.value <= _LARGEST
            whole = small and self.value == self.value.to_integral_value()
            self._key = int(self.value) if whole else self
        return self._key

    def __float__(self) -> float:
        if self._double is None:
            self._double = float(self.text)
        return self._double

    def __repr__(self) -> str:
        return f"ExactNumber({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExactNumber) and self.value == other.value

    def __hash__(self) -> int:
        # A client can easily find many numbers with one hash, which would make a dictionary slow.
        # It cannot find such texts: each process hashes texts differently.
        if self._hash is None:
            digits, _, exponent = f"{self.value:e}".partition("e")
            self._hash = hash((digits.rstrip("0").rstrip("."), exponent))
        return self._hash

    def __lt__(self, other: object) -> bool:
        return self._compared(other) < 0

    def __le__(self, other: object) -> bool:
        return self._compared(other) <= 0

    def __gt__(self, other: object) -> bool:
        return self._compared(other) > 0

    def __ge__(self, other: object) -> bool:
        return self._compared(other) >= 0

    def _compared(self, other: Any) -> int:
        """Returns -1, 0 or 1 if the number is less than another, equal or greater.

        Thousands of filters may compare their bounds with it, so a bound that is a float does not
        become a decimal.
        """
        if other.__class__ is not float:
            exact = as_decimal(other)
            return (self.value > exact) - (self.value < exact)
        # Rounding keeps the order: if the doubles differ, the numbers differ in the same way.
        double = self._double
        if double is None:
            double = float(self)
        if double != other:
            return -1 if double < other else 1
        if self._side is None:
            digits = Decimal(repr(double))
            self._side = (self.value > digits) - (self.value < digits)
        return self._side


def as_decimal(number: Any) -> Decimal:
    """Returns a number, or the hash key of a number, as a decimal with the same digits."""
    if isinstance(number, ExactNumber):
        return number.value
    return Decimal(number) if isinstance(number, int) else Decimal(repr(number))


def number_key(number: float | ExactNumber) -> object:
    """Returns a hash key of a number; two keys compare as the values of their numbers do."""
    if isinstance(number, ExactNumber):
        return number.key
    if isinstance(number, float) and not -_WHOLE_BELOW < number < _WHOLE_BELOW:
        # Python writes a double this large with fewer digits than its exact value has. The digits
        # that are written count.
        return ExactNumber(repr(number)).key if math.isfinite(number) else number
    return number


def read_integer(digits: str) -> int | ExactNumber:
    """Reads an integer.

    Raises:
        ValueError: It is out of range.
    """
    if len(digits) <= len(str(_SMALLEST)):
        value = int(digits)
        if _SMALLEST <= value <= _LARGEST:
            return value
    return ExactNumber(digits)


def read_decimal(digits: str) -> float | ExactNumber:
    """Reads a number with a fraction or an exponent.

    Raises:
        ValueError: It is out of range.
    """
    value = float(digits)
    if len(digits) <= _SAFE_CHARACTERS and "e" not in digits and "E" not in digits:
        return value
    if repr(value) == digits:
        return value
    exact = ExactNumber(digits)
    return value if math.isfinite(value) and exact.value == Decimal(repr(value)) else exact


def may_be_inexact(text: bytes) -> bool:
    """Returns whether JSON may contain a number that is neither an exact `int` nor `float`."""
    uniform = text.translate(_UNIFORM)
    # Most text contains none of these, and three searches are faster than the regular expression.
    suspected = _MANY_DIGITS in uniform or b"0e000" in uniform or b"0e-000" in uniform
    return suspected and _INEXACT.search(b":" + uniform) is not None


def loads(text: bytes | str) -> Any:
    """Reads an object, or an array, that the bus has written as JSON."""
    given = text.encode() if isinstance(text, str) else text
    if may_be_inexact(given):
        return json.loads(given, parse_int=read_integer, parse_float=read_decimal)
    return orjson.loads(given)


def dumps(value: Any, option: int | None = None) -> bytes:
    """Writes JSON, and each `ExactNumber` as it was sent."""
    return orjson.dumps(value, default=_as_sent, option=option)


def _as_sent(value: Any) -> orjson.Fragment:
    if isinstance(value, ExactNumber):
        return orjson.Fragment(value.text)
    raise TypeError(type(value).__name__)
