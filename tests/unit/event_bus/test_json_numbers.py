"""Numbers keep their value, whatever it is, and are told apart by it."""

import json
import math
from decimal import Decimal
from typing import Any

import orjson
import pytest
from event_bus.json_numbers import (
    MAX_DIGITS,
    ExactNumber,
    dumps,
    loads,
    number_key,
    read_decimal,
    read_integer,
)
from hypothesis import given, settings
from hypothesis import strategies as st

TEXTS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**25), 10**25).map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,24})\.[0-9]{1,24}", fullmatch=True),
    st.from_regex(r"-?[1-9](\.[0-9]{1,20})?[eE][-+]?[0-9]{1,2}", fullmatch=True),
    st.sampled_from(
        [
            *("1e-400", "-1e-400", "4.9e-324", "5e-324", "0e999", "-0.0", "1e16", "1E+300"),
            *("9007199254740993.0", "0.10000000000000001", "9.223372036854776e18"),
            *("9223372036854775808", "9223372036854776000", "18446744073709551616"),
            *("1.7976931348623157e308", "4" * 300),
        ]
    ),
)


def read(text: str) -> Any:
    return read_integer(text) if text.lstrip("-").isdigit() else read_decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        *("0.10000000000000000001", "0.09999999999999999999", "0.3333333333333333333"),
        *("-7.2500000000000000000001", "1e-390", "-1e-390", "1.00000000000000000001e-310"),
    ],
)
def test_a_number_compares_by_value_with_the_doubles_around_it(text: str) -> None:
    number: Any = ExactNumber(text)
    double = float(text)
    for other in (double, math.nextafter(double, 1), math.nextafter(double, -1), math.inf):
        expected = Decimal(text).compare(Decimal(repr(other)))
        assert (number > other) - (number < other) == expected
        assert (other < number) - (other > number) == expected
        assert (number >= other, number <= other) == (expected >= 0, expected <= 0)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(TEXTS)
def test_a_number_is_written_with_the_value_it_was_sent_with(text: str) -> None:
    for body in (f'{{"n":{text}}}', f'{{"n":["x",{text}]}}', f'{{"n" : {text} , "m": 1}}'):
        written = dumps(loads(body)).decode()
        assert json.loads(written, parse_float=Decimal, parse_int=Decimal) == json.loads(
            body, parse_float=Decimal, parse_int=Decimal
        )
    assert loads(dumps([read(text)])) == [read(text)]


@settings(deadline=None, derandomize=True, max_examples=300)
@given(TEXTS, TEXTS)
def test_keys_compare_as_the_values_do(one: str, other: str) -> None:
    left, right = number_key(read(one)), number_key(read(other))
    assert (left == right) is (Decimal(one) == Decimal(other))
    if left == right:
        assert hash(left) == hash(right)
    compared: Any = left
    assert (compared < right) is (Decimal(one) < Decimal(other))
    assert (compared >= right) is (Decimal(one) >= Decimal(other))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1", int),
        ("1.0", float),
        ("0.1", float),
        ("0.30000000000000004", float),
        ("18446744073709551615", int),
        ("18446744073709551616", ExactNumber),
        ("0.10000000000000001", ExactNumber),
        ("1e-324", ExactNumber),
        ("5e-324", float),
    ],
)
def test_a_number_that_a_double_holds_is_a_float(text: str, kind: type) -> None:
    assert type(read(text)) is kind


@pytest.mark.parametrize(
    "text",
    [
        *("1e400", "-1.7976931348623159e308", "1e-401", "1e999999999"),
        *("1E-99999999999999999999", "9" * (MAX_DIGITS + 1), "9" * 310),
        *("9" * 100_000, "0." + "1" * (MAX_DIGITS + 1)),
    ],
    ids=lambda text: text[:20],
)
def test_numbers_out_of_range_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read(text)


def test_other_values_are_written_by_orjson_alone() -> None:
    value = {"a": [1, 1.5, "x", None, True], "u": "\u00fc"}
    assert dumps(value) == orjson.dumps(value)
    with pytest.raises(TypeError):
        dumps({"a": object()})
