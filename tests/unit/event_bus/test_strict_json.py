"""The API reads I-JSON in UTF-8 of bounded depth, and nothing else."""

import contextlib
import sys
from collections.abc import Callable
from decimal import Decimal
from types import FrameType
from typing import Any

import orjson
import pytest
from event_bus.errors import MalformedRequest
from event_bus.json_numbers import ExactNumber, read_decimal
from event_bus.strict_json import MAX_DEPTH, MAX_FLAWS, parse, parse_batch
from hypothesis import given, settings
from hypothesis import strategies as st

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)
_FRAGMENTS = st.sampled_from(
    ["{", "}", "[", "]", '"', ":", ",", "1", "-", "e9", ".", "\\u", "d800", "NaN", "null", " ", "é"]
)


def _nested(depth: int, opening: str = '{"a":', closing: str = "}") -> str:
    return opening * depth + "0" + closing * depth


@pytest.mark.parametrize("text", ["\ufeff{}", b"\xef\xbb\xbf[1, 2]"])
def test_a_byte_order_mark_is_named(text: str | bytes) -> None:
    for read in (parse, parse_batch):
        with pytest.raises(MalformedRequest, match=r"^The body begins with a byte order mark"):
            read(text)


@pytest.mark.parametrize("flawed", ["1e400", "NaN", '{"a":1,"a":2}'])
def test_flaws_without_end_are_not_judged_one_by_one(flawed: str) -> None:
    for read in (parse, parse_batch):
        with pytest.raises(MalformedRequest, match="More than 1000 values of the body"):
            read(f"[{','.join([flawed] * (MAX_FLAWS + 1))}, this is not looked at")
    judged = parse_batch(f"[{','.join([flawed] * MAX_FLAWS)}]")
    assert all(isinstance(each, MalformedRequest) for each in judged)


def test_a_refusal_of_too_many_flaws_describes_the_first() -> None:
    with pytest.raises(MalformedRequest, match=r"be read; the first is NaN, which is not"):
        parse(f"[NaN, {','.join(['1e400'] * MAX_FLAWS)}]")


@settings(max_examples=100, deadline=None, derandomize=True)
@given(_VALUES)
def test_valid_json_of_other_writers_is_read_unchanged(value: Any) -> None:
    assert parse(orjson.dumps(value)) == value


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.binary() | st.lists(_FRAGMENTS).map("".join) | st.text())
def test_any_text_is_read_or_refused_as_malformed(text: bytes | str) -> None:
    with contextlib.suppress(MalformedRequest):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        '{"a": NaN}',
        "[Infinity]",
        "[-Infinity]",
        "1e400",
        "-1e400",
        "-1e-999",
        "1e99999999999999999999",
        "9" * 401,
        "9" * 100_000,
        '{"a": 1, "a": 1}',
        '{"b": [{"a": 1, "c": 2, "a": 3}]}',
        r'{"a": 1, "\u0061": 2}',
        "",
        " ",
        "{",
        "{} {}",
        "{'a': 1}",
        "[1,]",
        "01",
        "\ufeff{}",
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        b'"\xc0\x80"',
        b'"\xed\xa0\x80"',
        '"\ufffd"',
        '"tab\there"',
        r'"\ud800"',
        r'{"a": ["\udc00\ud800"]}',
        r'{"\ud800": 1}',
    ],
    ids=lambda text: repr(text)[:40],
)
def test_json_that_parsers_read_differently_is_refused(text: bytes | str) -> None:
    with pytest.raises(MalformedRequest):
        parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1e308", 1e308),
        ("1e-400", ExactNumber("1e-400")),
        ("-9223372036854775809", ExactNumber("-9223372036854775809")),
        ("9007199254740993.0", ExactNumber("9007199254740993.0")),
        (r'"\ud83d\ude00"', "😀"),
        (r'"\ufffd"', "\ufffd"),
        (b'"\xef\xbf\xbd"', "\ufffd"),
        (r'"\u0000"', "\x00"),
        (r'"\\ud800"', r"\ud800"),
        ('{"a": {"a": 1}, "b": [{"a": 2}, {"a": 3}]}', {"a": {"a": 1}, "b": [{"a": 2}, {"a": 3}]}),
    ],
    ids=repr,
)
def test_the_last_of_what_is_allowed_is_read(text: bytes | str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("1e999", ""),
        ('{"payload": {"a/b": [1, {"n": -1e-9999}], "m": 1}}', "/payload/a~1b/1/n"),
        ('[{"n": 1}, {"n": ' + "7" * 401 + "}]", "/1/n"),
    ],
    ids=["whole", "small", "large"],
)
def test_a_number_out_of_range_is_pointed_at(text: str, pointer: str) -> None:
    with pytest.raises(MalformedRequest) as refusal:
        parse(text)
    [fault] = refusal.value.faults
    assert fault.pointer == pointer
    assert "send it as a string" in fault.detail


def test_integers_stay_integers() -> None:
    assert [type(each) for each in parse("[1, 1.0, -0]")] == [int, float, int]


@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ('{"a":[', "]}")])
def test_depth_is_bounded(opening: str, closing: str) -> None:
    levels = opening.count("[") + opening.count("{")
    parse(_nested(MAX_DEPTH // levels, opening, closing))
    with pytest.raises(MalformedRequest, match="nested deeper than 32"):
        parse('{"a":' + _nested(MAX_DEPTH // levels, opening, closing) + "}")


def test_an_event_in_a_batch_may_be_as_deep_as_a_single_one() -> None:
    parse(f"[{_nested(MAX_DEPTH)}]")
    with pytest.raises(MalformedRequest, match="nested deeper"):
        parse(f"[{_nested(MAX_DEPTH + 1)}]")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_absurd_nesting_is_refused_like_any_other(opening: str) -> None:
    with pytest.raises(MalformedRequest):
        parse(opening * 100_000)
    closing = "]" if opening == "[" else "}"
    with pytest.raises(MalformedRequest, match="nested deeper"):
        parse(_nested(100_000, opening, closing))


def test_the_refusal_says_where() -> None:
    with pytest.raises(MalformedRequest, match="line 2, column 1"):
        parse('{"a": 1,\n}')
    with pytest.raises(MalformedRequest, match="byte 2"):
        parse(b'"a\xff"')
    with pytest.raises(MalformedRequest, match=r"^The body is NaN, which is not a JSON number\.$"):
        parse("NaN")


def test_a_repeated_name_is_named() -> None:
    with pytest.raises(MalformedRequest, match=r"^The body has two members 'twice'\.$"):
        parse('{"once": 1, "twice": 1, "twice": 1, "last": 1}')
    name = "n" * 100
    with pytest.raises(MalformedRequest, match=r"has two members 'n{80}'"):
        parse(f'{{"{name}": 1, "{name}": 1}}')


@pytest.mark.parametrize(
    ("text", "pointer", "detail"),
    [
        ("[{}, 1, NaN]", "/2", "is NaN, which is not a JSON number"),
        ('{"a": [0, {"b": Infinity}]}', "/a/1/b", "is Infinity"),
        ('{"a": {"b": 1, "b": 2}}', "/a", "has two members 'b'"),
        (r'{"a": ["x", "\ud800"]}', "/a/1", "holds half of a surrogate pair"),
        ('["x", {"a": "\udc00"}]', "/1/a", "holds half of a surrogate pair"),
        ('[{}, {"a": }]', "/1", "Expecting value at line 1, column 12"),
        (f'[{"9" * 5_000}, {{"a": }}]', "/1", "Expecting value at line 1"),
        ("[1, 2 3]", "/1", "Expecting ',' delimiter at line 1, column 7"),
        ("[1 , 2 , 3 4]", "/2", "Expecting ',' delimiter at line 1, column 12"),
        ("[1, 2, ", "/2", "Expecting value at line 1"),
        ("[1, ]", "/1", " at line 1, column "),
        ('["a\x01"]', "/0", "Invalid control character at line 1, column 4"),
        ('["a', "/0", "Unterminated string starting at line 1, column 2"),
        (b'[{"a": 1}, ["\xff"], {}]', "/1", "is not UTF-8: byte 13 cannot be decoded"),
        ('[[], [], "\ufffd"]', "/2", "is not UTF-8, or holds U+FFFD itself"),
        ('["\ufffd", "\ufffd"]', "/0", "is not UTF-8, or holds U+FFFD itself"),
        (f"[{_nested(3)}, {_nested(100_000)}, 5]", "/1", "is nested deeper than 32 levels"),
    ],
    ids=lambda text: repr(text)[:40],
)
def test_a_fault_is_pointed_at(text: bytes | str, pointer: str, detail: str) -> None:
    with pytest.raises(MalformedRequest) as refusal:
        parse(text)
    [fault] = refusal.value.faults
    assert fault.pointer == pointer
    assert detail in fault.detail


@pytest.mark.parametrize("text", ["[1] x", '{"a": [1, }', "x", "", '{"a": 1}}'])
def test_a_fault_in_no_element_is_pointed_at_nowhere(text: str) -> None:
    with pytest.raises(MalformedRequest) as refusal:
        parse(text)
    assert refusal.value.faults == ()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(_VALUES, max_size=4), st.sampled_from(["NaN", '{"a":1,"a":2}', r'"\udfff"', "1e999"])
)
def test_the_other_elements_of_a_batch_are_read(values: list[Any], flawed: str) -> None:
    texts = [orjson.dumps(each).decode().replace("\ufffd", "") for each in values]
    wanted = [orjson.loads(each) for each in texts]
    for place in range(len(texts) + 1):
        read = parse_batch(f"[{','.join([*texts[:place], flawed, *texts[place:]])}]")
        problem = read.pop(place)
        assert isinstance(problem, MalformedRequest)
        assert problem.faults[0].pointer.startswith(f"/{place}")
        assert read == wanted


def test_a_body_that_is_not_a_batch_is_read_as_one_document() -> None:
    assert parse_batch('{"a": [1]}') == {"a": [1]}
    with pytest.raises(MalformedRequest, match="/a is NaN"):
        parse_batch('{"a": NaN}')


@pytest.mark.parametrize("digits", ["d800", "D800", "dBfF", "DFFF", "Dc00", "dead", "DEAD"])
@pytest.mark.parametrize("text", [r'"\u{}"', r'["a", {{"b": "x\u{}y"}}]', r'{{"\u{}": 1}}'])
def test_half_a_pair_is_refused_however_it_is_spelt(text: str, digits: str) -> None:
    with pytest.raises(MalformedRequest):
        parse(text.format(digits))


@pytest.mark.parametrize("text", [r'{"a":1,"\ud800":2}', r'{"a":{"b":1,"c":2,"d\udfff":3}}'])
def test_half_a_pair_in_any_name_is_refused(text: str) -> None:
    with pytest.raises(MalformedRequest, match="has a member whose name"):
        parse(text)


def test_a_replaced_character_is_found_wherever_it_is() -> None:
    with pytest.raises(MalformedRequest, match=r"^The body is not UTF-8, or holds U\+FFFD"):
        parse(f'["{"x" * 100_000}\ufffd"]')


def test_an_element_that_is_an_array_may_be_no_deeper_than_an_event() -> None:
    def nested(depth: int) -> str:
        return f"[{'[' * depth}{']' * depth},1]"

    deepest, one = parse_batch(nested(MAX_DEPTH))
    assert isinstance(deepest, list)
    deeper, other = parse_batch(nested(MAX_DEPTH + 1))
    assert isinstance(deeper, MalformedRequest)
    assert one == other == 1


@pytest.mark.parametrize("pair", [r"\ud83d\ude00", r"\uD83D\uDE00"])
def test_a_whole_pair_is_a_character(pair: str) -> None:
    assert parse(f'["{pair}"]') == ["\U0001f600"]


@pytest.mark.parametrize("around", ["{}", " {}", "[{}]", "[ {} ]", '{{"a":{}}}', "[1,\n{}\r, 2]"])
@pytest.mark.parametrize(
    "number",
    ["9007199254740993.0", "1e-400", "-0.10000000000000001", "1E+300", "123456789012345.6"],
)
def test_a_number_keeps_its_value_wherever_it_stands(around: str, number: str) -> None:
    read = repr(parse(around.format(number)))
    assert repr(read_decimal(number)) in read
    assert repr(9223372036854775808) in repr(parse(around.format("9223372036854775808")))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,2})?", fullmatch=True)
)
def test_numbers_are_exact_with_and_without_hooks(number: str) -> None:
    alone, beside = parse(f"[{number}]")[0], parse(f"[{number}, 1e-400]")[0]
    assert (type(alone), repr(alone)) == (type(beside), repr(beside))
    value = alone.value if isinstance(alone, ExactNumber) else Decimal(repr(alone))
    assert value == Decimal(number)


def _calls(read: Callable[[str], Any], text: str) -> int:
    """How many functions written in Python a call runs."""
    found = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal found
        found += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        with contextlib.suppress(MalformedRequest):
            read(text)
    finally:
        sys.setprofile(before)
    return found


@pytest.mark.parametrize("read", [parse, parse_batch])
@pytest.mark.parametrize(
    ("value", "last"),
    [
        ("7", "7"),
        ("-1.25", "7"),
        ("1.5e-5", "7"),
        ("7", r'"\u00e9"'),
        ("7", r'"\ud83d\ude00"'),
        ("7", r'"\ud83d"'),
        ("null", "NaN"),
        ("true", '{"a":1,"a":2}'),
    ],
)
def test_ordinary_values_are_read_without_a_call_for_each(
    read: Callable[[str], Any], value: str, last: str
) -> None:
    # A body of 4 MiB has two million numbers, so that a call for each takes seconds.
    assert _calls(read, f"[{','.join([value] * 20_000)},{last}]") < 400


def test_an_inexact_number_costs_one_call_for_each_number() -> None:
    calls = _calls(parse, f"[{','.join(['7'] * 5_000)},1e-400]")
    assert 5_000 <= calls < 5_100
