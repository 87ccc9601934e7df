"""Every comparison against values that it accepts and values that it refuses."""

import json
from typing import Any
from unittest.mock import patch

import pytest
from event_bus.json_numbers import ExactNumber
from event_bus.matching import event_view
from event_bus.matching.index import SubscriptionIndex
from event_bus.matching.pattern import EventPattern

EXACT = {
    text: ExactNumber(text)
    for text in (
        *("9007199254740993.0", "0.10000000000000001", "1e-400", "-1e-400", "-4.9e-324"),
        *(str(2**64), "1" + "0" * 300),
    )
}
CASES: list[tuple[Any, list[Any], list[Any]]] = [
    # What the list of a field holds, values that match, values that do not.
    ("a", ["a", ["a", "b"], [["a"]]], ["A", "ab", "", None, 1, [], {}, {"a": "a"}, [{"a": "a"}]]),
    ("", [""], [None, " ", 0, False]),
    (None, [None, [1, None]], ["", 0, False, "null", {}, []]),
    (1, [1, 1.0, 1e0], [True, "1", 2, None]),
    (1.5, [1.5, 15e-1], [1, "1.5"]),
    (0, [0, -0.0, 0.0], [False, "", None]),
    (300, [3.0e2], ["3.0e2"]),
    (2**53 + 1, [2**53 + 1], [2**53, float(2**53)]),
    (2**53, [float(2**53)], [EXACT["9007199254740993.0"], 2**53 + 1]),
    (9007199254740993, [EXACT["9007199254740993.0"]], [float(2**53)]),
    (9223372036854776000, [9.223372036854776e18], [2**63]),
    (1e300, [1e300, EXACT["1" + "0" * 300]], [int(1e300)]),
    (0.1, [0.1], [EXACT["0.10000000000000001"]]),
    (0, [0.0], [EXACT["1e-400"], EXACT["-4.9e-324"]]),
    ({"anything-but": 0}, [EXACT["1e-400"], 1], [0.0, -0.0]),
    ({"numeric": [">", 0]}, [EXACT["1e-400"], EXACT[str(2**64)]], [EXACT["-1e-400"], 0]),
    ({"numeric": ["<=", 2**53]}, [float(2**53)], [EXACT["9007199254740993.0"]]),
    ({"numeric": [">", 0.1, "<", 2**64]}, [EXACT["0.10000000000000001"]], [EXACT[str(2**64)]]),
    (True, [True], [1, 1.0, "true", False]),
    (False, [False], [0, None, ""]),
    ("10.0.0.1", ["10.0.0.1"], ["10.0.0.01"]),
    ({"prefix": "us-"}, ["us-east-1", "us-"], ["US-east-1", "us", 5, None, True]),
    ({"prefix": ""}, ["", "a"], [5, None, True]),
    ({"prefix": "5"}, ["55"], [5]),
    ({"prefix": {"equals-ignore-case": "EventB"}}, ["eventbridge", "EVENTB"], ["event", 5]),
    ({"prefix": {"equals-ignore-case": "straß"}}, ["STRASSE", "straße"], ["strasse"]),
    ({"suffix": ".png"}, ["a.png", ".png"], ["a.PNG", "png", 5, None]),
    ({"suffix": {"equals-ignore-case": ".png"}}, ["a.png", "a.PNG"], ["png", "a.pn"]),
    ({"suffix": {"equals-ignore-case": "ße"}}, ["straße", "STRASSE"], ["strasse"]),
    ({"equals-ignore-case": "alice"}, ["Alice", "ALICE"], ["alic", "alicee", 5, None]),
    ({"equals-ignore-case": "k"}, ["k", "K"], ["\u212a"]),  # The Kelvin sign is not a K.
    ({"equals-ignore-case": "straße"}, ["straße", "STRASSE", "Straße"], ["strasse"]),
    ({"equals-ignore-case": "ẞ"}, ["ß", "ẞ"], ["SS", "ss"]),
    ({"wildcard": "dir/*.png"}, ["dir/.png", "dir/a/b.png"], ["dir/a.jpg", "x/dir/a.png", 5]),
    ({"wildcard": "*"}, ["", "a", "*"], [5, None]),
    ({"wildcard": "abc"}, ["abc"], ["abcd", "ab"]),
    ({"wildcard": r"a\*b"}, ["a*b"], ["axb", r"a\*b"]),
    ({"wildcard": r"a\\*"}, ["a\\", "a\\b"], ["a*", "ab"]),
    ({"wildcard": "*aab"}, ["aaab", "aab"], ["aaba"]),
    ({"wildcard": "ab*ba"}, ["abba", "abxba"], ["aba"]),
    ({"wildcard": "*a*b*a*"}, ["xaxbxa", "aba"], ["ab", "ba", "bab"]),
    ({"wildcard": "a?[b]"}, ["a?[b]"], ["axb"]),
    ({"wildcard": "a*b"}, ["a\nb"], ["a\nb\n"]),
    (
        {"anything-but": "initializing"},
        ["x", 5, None, True, ["initializing", "x"]],
        ["initializing"],
    ),
    ({"anything-but": 123}, [124, "123", None], [123, 123.0, [123], [], {}, {"a": 1}]),
    ({"anything-but": 1}, [True, "1"], [1, 1.0]),
    ({"anything-but": ["stopped", "overloaded"]}, ["running", 1], ["stopped", ["overloaded"]]),
    ({"anything-but": [100, 200, 300]}, [101, "100"], [100, 200.0, [100, 300]]),
    ({"anything-but": {"prefix": "init"}}, ["x", 5, None], ["init", "initial"]),
    ({"anything-but": {"prefix": ["init", "error"]}}, ["x"], ["initial", "errors"]),
    ({"anything-but": {"suffix": ".txt"}}, ["a.png", 5], ["a.txt"]),
    ({"anything-but": {"suffix": [".txt", ".rtf"]}}, ["a.png"], ["a.txt", "a.rtf"]),
    ({"anything-but": {"equals-ignore-case": "initializing"}}, ["x", 5], ["INITIALIZING"]),
    ({"anything-but": {"equals-ignore-case": ["a", "b"]}}, ["c"], ["A", "B", "a"]),
    ({"anything-but": {"wildcard": "*/lib/*"}}, ["/bin/x", 5], ["/a/lib/x"]),
    ({"anything-but": {"wildcard": ["*/lib/*", "*/bin/*"]}}, ["/x"], ["/a/lib/x", "/a/bin/x"]),
    ({"numeric": ["=", 100]}, [100, 1e2, 100.0], ["100", 101, True, None]),
    (
        {"numeric": [">", 10, "<=", 20]},
        [11, 20, 10.5, [1, 15]],
        [10, 21, "15", True, None, [5, 25]],
    ),
    ({"numeric": [">=", 0, "<", 5]}, [0, 4.999, -0.0], [5, -1, False]),
    ({"numeric": ["<", 10]}, [9, -1e300, -(10**400)], [10, 10**400]),
    ({"numeric": ["<=", -1.5]}, [-1.5], [-1.4, 0]),
    ({"numeric": [">=", 2**53 + 1]}, [2**53 + 1], [2**53]),
    ({"numeric": [">", 5e9]}, [1_700_000_000_000], [5e9]),
    ({"cidr": "10.0.0.0/24"}, ["10.0.0.0", "10.0.0.255"], ["10.0.1.0", "10.0.0", "x", 167772160]),
    ({"cidr": "10.0.0.77/24"}, ["10.0.0.1"], ["10.0.1.1"]),
    ({"cidr": "0.0.0.0/0"}, ["255.255.255.255", "010.0.0.1"], ["::1", "256.0.0.1", "1.2.3.4.5"]),
    ({"cidr": "2001:db8::/32"}, ["2001:db8::1", "2001:DB8:0:0::1"], ["2001:db9::", "1.2.3.4"]),
    ({"cidr": "::/0"}, ["::", "fe80::1"], ["fe80::1%eth0", "::ffff:1.2.3.4", ":::", "g::"]),
    ({"exists": True}, [None, "", 0, False, ["a"], [[1]]], [{}, {"a": 1}, [], [[]], [{"a": 1}]]),
    ({"exists": False}, [{}, {"a": 1}, [], [[]], [{"a": 1}]], [None, "", 0, ["a"]]),
]


@pytest.mark.parametrize(
    ("asked", "value", "expected"),
    [
        pytest.param(asked, value, expected, id=f"{json.dumps(asked)} {value!r}"[:90])
        for asked, matching, others in CASES
        for expected, values in ((True, matching), (False, others))
        for value in values
    ],
)
def test_comparison(asked: Any, value: Any, expected: bool) -> None:
    pattern = EventPattern({"field": [asked]})
    assert pattern.matches({"field": value, "other": "a"}) is expected
    # The same by the index, and as sets of objects.
    for walked in (1_000, -1):
        with patch.object(event_view, "MAX_WALKED", walked):
            assert pattern.matches({"field": value}) is expected
            index = SubscriptionIndex()
            index.put("sub", ["*"], {"*": {"field": [asked]}})
            assert (index.match("a", "s", {"field": value}, {}) == {"sub"}) is expected
    # A value that nothing equals leaves the answer to the comparison.
    assert EventPattern({"field": [asked, "~none~"]}).matches({"field": value}) is expected


@pytest.mark.parametrize("asked", [asked for asked, _, _ in CASES if asked != {"exists": False}])
def test_missing_field_matches_nothing(asked: Any) -> None:
    assert not EventPattern({"field": [asked]}).matches({"other": 1})
    assert not EventPattern({"field": {"inner": [asked]}}).matches({"field": 1})


def test_exists_false_matches_a_missing_field() -> None:
    assert EventPattern({"field": [{"exists": False}]}).matches({})
    assert EventPattern({"field": {"inner": [{"exists": False}]}}).matches({"field": "leaf"})
