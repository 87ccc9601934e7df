"""Subscriptions and events that are made to be slow to match."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from event_bus.json_numbers import read_decimal, read_integer

SUBSCRIPTIONS = 10_000
MEGABYTE = 1024 * 1024

Pattern = dict[str, Any]
Payload = dict[str, Any]


@dataclass(frozen=True)
class Attack:
    """Subscriptions that are harmful together, and an event of at most 1 MiB that triggers them.

    Attributes:
        name: Its name in the table.
        pattern: The filter of the n-th subscription.
        payload: Makes the payload of the event.
        subscriptions: How many subscriptions there are.
        types: The type patterns of the n-th subscription.
        others: Its filters for other types than the event's.
        event_type: The event's type.
    """

    name: str
    pattern: Callable[[int], Pattern]
    payload: Callable[[], Payload]
    subscriptions: int = SUBSCRIPTIONS
    types: Callable[[int], list[str]] = lambda _: ["task.*"]
    others: Callable[[int], dict[str, Pattern]] = lambda _: {}
    event_type: str = "task.created"

    def subscription(self, n: int) -> tuple[list[str], dict[str, Pattern]]:
        """Returns the type patterns and the filters of the n-th subscription."""
        types = self.types(n)
        return types, {**self.others(n), types[0]: self.pattern(n)}


def nested_arrays(levels: int, value: Any) -> Any:
    for _ in range(levels):
        value = [value]
    return value


def nested_objects(levels: int, value: Any) -> dict[str, Any]:
    for _ in range(levels):
        value = {"a": value}
    return dict(value)


def ranges(n: int, count: int = 100) -> Pattern:
    asked = [{"numeric": [">", n * count + k, "<", n * count + k + 0.5]} for k in range(count)]
    return {"a": asked, "b": [n]}


def alternatives(n: int) -> Pattern:
    return {
        "l": {
            f"o{place}": {"$or": [{"x": [n]}, {"y": [{"prefix": f"{n}-"}]}]} for place in range(9)
        }
    }


def other(n: int) -> list[Pattern]:
    """Values that most events have, so that no lookup excludes the filter."""
    return [{"anything-but": n}]


def many_prefixes(n: int) -> Pattern:
    length = 1 + n % 64
    return {"a": [{"prefix": f"{n:0{length}}"[:length]}, {"suffix": f"{n:0{length}}"[:length]}]}


def wide_types(n: int) -> list[str]:
    """Returns type patterns with 4 wildcards each, which all select one type of 16 segments."""
    places = list(combinations(range(15), 4))
    chosen = [places[(n * 100 + k) % len(places)] for k in range(100)]
    return [".".join("*" if k in each else "a" for k in range(16)) for each in chosen]


def every_order(n: int) -> Pattern:
    asked = [
        {"prefix": f"z{n}"},
        {"suffix": f"z{n}"},
        {"prefix": {"equals-ignore-case": f"z{n}"}},
        {"suffix": {"equals-ignore-case": f"z{n}"}},
        {"cidr": f"{n:x}::/16"},
        {"anything-but": "z"},
    ]
    return {"a": asked} if n % 2 else {"payload": {"a": asked}}


def long_ends(n: int) -> Pattern:
    text = {"equals-ignore-case": "\u00df" * 500 + str(n)}
    return {"l": {"x": [{"prefix": text}, {"suffix": text}, {"suffix": f"{n}z"}]}}


def exact(n: int) -> Any:
    """A number of 300 digits, which no double holds."""
    return read_decimal(f"0.{n:05}{'7' * 295}")


def long_beginnings(n: int) -> Pattern:
    return {"a": [{"prefix": f"{'b' * (900 + k)}{n}"} for k in range(4)] + other(n)}


def folded(n: int) -> Pattern:
    text = {"equals-ignore-case": f"x{n}"}
    asked = [{"prefix": text}, {"suffix": text}, text, {"suffix": f"x{n}"}, {"prefix": f"x{n}"}]
    return {"a": [*asked, {"anything-but": "x"}]}


WORDS = [f"/{n}/report-{n}.txt" for n in range(9_000)]

ATTACKS = (
    Attack(
        "one bound each, 5,000 numbers in objects",
        lambda n: {"l": {"x": [{"numeric": [">", n]}]}},
        lambda: {"l": [{"x": n} for n in range(5_000)]},
    ),
    Attack(
        "one bound each, 31 numbers",
        lambda n: {"a": [{"numeric": [">", n]}]},
        lambda: {"a": [-1] * 30 + [MEGABYTE]},
    ),
    Attack(
        "either of two bounds each, 31 numbers",
        lambda n: {"$or": [{name: [{"numeric": [">", n]}]} for name in "ab"]},
        lambda: {"a": [-1] * 15, "b": [-1] * 15 + [MEGABYTE]},
    ),
    Attack(
        "two fields of one element each, 3,300 objects",
        lambda n: {"l": {"x": [{"numeric": [">", n]}], "y": [f"name-{n}"]}},
        lambda: {"l": [{"x": n, "y": f"name-{n + 1}"} for n in range(3_300)]},
    ),
    Attack(
        "two-sided ranges, 10,000 numbers",
        lambda n: {"a": [{"numeric": [">", n, "<", n + 100]}], "b": [{"anything-but": n}]},
        lambda: {"a": [n + 0.5 for n in range(10_000)], "b": "x"},
    ),
    Attack(
        "100 ranges each, 1 MB of nested arrays",
        ranges,
        lambda: {"a": [nested_arrays(10, n) for n in range(40_000)], "b": list(range(20_000))},
    ),
    Attack(
        "1 MB of empty arrays and objects",
        lambda n: {"l": {"x": [{"exists": False}], "y": [n]}},
        lambda: {"l": [[{}] for _ in range(200_000)]},
    ),
    Attack(
        "a missing field each, 1 MB of objects with other fields",
        lambda n: {"l": {f"f{n}": [{"exists": False}]}},
        lambda: {"l": [{f"g{n}": 0} for n in range(80_000)]},
    ),
    Attack(
        "100 wildcards each, 1 MB of one letter",
        lambda n: {"a": [{"wildcard": f"*{n}-{k}*b*"} for k in range(100)]},
        lambda: {"a": "a" * MEGABYTE},
        1_000,
    ),
    Attack(
        "a wildcard around a number each, 1 MB of text",
        lambda n: {"a": [{"wildcard": f"*/{n}/*"}]},
        lambda: {"a": "/1/22/333" * (MEGABYTE // 10)},
    ),
    Attack(
        "wildcards that almost match, 1 MB of one letter",
        lambda n: {"a": [{"wildcard": f"*{n % 10}{'a*' * 14}a{'a' * (n // 10 % 900)}"}]},
        lambda: {"a": "a" * MEGABYTE},
    ),
    Attack(
        "*/n/*.txt each, 9,000 paths",
        lambda n: {"a": [{"wildcard": f"*/{n}/*.txt"}]},
        lambda: {"a": WORDS},
    ),
    Attack(
        "prefixes and suffixes of 64 lengths, 9,000 texts",
        many_prefixes,
        lambda: {"a": [f"{n:064}" for n in range(9_000)]},
    ),
    Attack(
        "any case, not ASCII, 9,000 texts",
        lambda n: {"a": [{"equals-ignore-case": f"stra\u00dfe {n}"}]},
        lambda: {"a": [f"STRASSE {n}" for n in range(9_000)]},
    ),
    Attack(
        "long texts, case ignored, not ASCII",
        lambda n: {"a": [{"prefix": {"equals-ignore-case": "\u00df" * 1_000 + str(n)}}]},
        lambda: {"a": "\u00df" * 500_000},
    ),
    Attack(
        "address blocks of all lengths, 9,000 addresses",
        lambda n: {"a": [{"cidr": f"10.{n >> 8 & 255}.{n & 255}.0/{8 + n % 24}"}]},
        lambda: {"a": [f"10.{n >> 8}.{n & 255}.7" for n in range(9_000)]},
    ),
    Attack(
        "anything-but each, beside an impossible value",
        lambda n: {
            "a": [{"anything-but": [n, n + 1]}],
            "b": [{"anything-but": {"prefix": f"{n}"}}],
            "c": ["never"],
        },
        lambda: {"a": list(range(4_000)), "b": [f"{n}" for n in range(4_000)], "c": "x"},
    ),
    Attack(
        "100 comparisons each with one value",
        lambda n: {"a": [{"anything-but": {"wildcard": [f"{n}*{k}*" for k in range(98)] + ["*"]}}]},
        lambda: {"a": "some text"},
        3_000,
    ),
    Attack(
        "512 combinations of $or each, 1,000 objects",
        alternatives,
        lambda: {"l": [{f"o{k}": {"x": n, "y": f"{n}-"} for k in range(8)} for n in range(1_000)]},
        1_000,
    ),
    Attack(
        "a field of its own each, 80,000 fields",
        lambda n: {f"f{n}": [{"exists": True}], "never": ["x"]},
        lambda: {f"f{n}": 0 for n in range(80_000)},
    ),
    Attack(
        "objects in arrays in objects, 7 levels",
        lambda n: {"l": {"m": {"k": {"x": [n], "y": [{"anything-but": n}]}}}},
        lambda: {"l": [{"m": [{"k": [{"x": n, "y": n}]} for n in range(30)]} for _ in range(60)]},
    ),
    Attack(
        "numbers whose hashes are equal",
        lambda n: {"a": [{"numeric": [">", n, "<", n + 1]}, n]},
        lambda: {"a": [read_integer(str((2**61 - 1) * n)) for n in range(1, 10_001)]},
    ),
    Attack(
        "49 filters each for other types",
        lambda n: {"a": [n]},
        lambda: {"a": [1, 2, 3]},
        others=lambda n: {f"task.{n}-{k}.*": {"a": [1]} for k in range(49)},
    ),
    Attack(
        "100 types of 4 wildcards each",
        lambda n: {"a": [n]},
        lambda: {"a": list(range(1_000))},
        100,
        types=wide_types,
        event_type=".".join("a" * 16),
    ),
    Attack(
        "six prefixes of one element each, 1,400 objects",
        lambda n: {"l": {f"x{k}": [{"prefix": f"v{n % 7}"}] for k in range(6)}, "z": other(n)},
        lambda: {
            "l": [{f"x{k}": f"v{n % 7}-{n}" for k in range(6)} for n in range(1_400)],
            "z": "z",
        },
    ),
    Attack(
        "anything-but of 30 fields each",
        lambda n: {f"x{k}": other(n) for k in range(30)},
        lambda: {f"x{k}": "x" for k in range(30)},
    ),
    Attack(
        "six kinds of comparisons each, 10,000 addresses",
        every_order,
        lambda: {"a": [f"fe80:{n:x}:aaaa:bbbb:cccc:dddd:eeee:{n % 7:x}" for n in range(10_000)]},
    ),
    Attack(
        "two fields of its own each, 20,000 fields",
        lambda n: {f"a{n}": [{"prefix": "v"}], f"b{n}": other(n)},
        lambda: {
            "l": nested_arrays(40, 1),
            **{f"{name}{n}": f"v{n}" for name in "ab" for n in range(10_000)},
        },
    ),
    Attack(
        "two address blocks of its own each, 20,000 fields",
        lambda n: {f"a{n}": [{"cidr": "10.0.0.0/8"}], f"b{n}": [{"cidr": "10.0.0.0/9"}]},
        lambda: {
            "l": nested_arrays(40, 1),
            **{f"{name}{n}": f"10.{n >> 8}.{n & 255}.7" for name in "ab" for n in range(10_000)},
        },
    ),
    Attack(
        "two missing fields each, 60,000 objects",
        lambda n: {"l": {f"x{n}": [{"exists": False}], f"x{n + 1}": [{"exists": False}, n]}},
        lambda: {"l": [{f"x{n}": "v"} for n in range(60_000)]},
    ),
    Attack(
        "two prefixes of one element each, 3,300 objects",
        lambda n: {"l": {"x": [{"prefix": f"v{n % 1_400}"}], "y": [{"prefix": f"w{n % 1_300}"}]}},
        lambda: {"l": [{"x": f"v{n}", "y": f"w{n}"} for n in range(3_300)]},
    ),
    Attack(
        "both ends, case ignored, 100 texts",
        long_ends,
        lambda: {"l": [{"x": "\u00df" * 5_000 + str(n)} for n in range(100)]},
    ),
    Attack(
        "32 levels of objects",
        lambda n: nested_objects(31, [n]),
        lambda: nested_objects(31, [n % 50 for n in range(100_000)]),
    ),
    Attack(
        "80 wildcards each that almost match, 2,300 letters",
        lambda n: {"a": [{"wildcard": f"*{'-' * (700 + k)}.-*{n}*"} for k in range(80)]},
        lambda: {"a": "-" * 2_300},
        100,
    ),
    Attack(
        "a wildcard that almost matches each, 28,000 letters",
        lambda n: {"a": [{"anything-but": {"wildcard": f"*{'o' * (60 + n % 38)}.o*{n}*"}}]},
        lambda: {"a": "o" * 28_000},
    ),
    Attack(
        "looked-up texts that almost occur, 20,000 letters",
        lambda n: {
            "a": [{"wildcard": f"*{'=' * (25 + n % 30)}!{'=' * (n // 30 % 30)}*"}],
            "b": other(n),
        },
        lambda: {"a": "=" * 20_000, "b": "x"},
    ),
    Attack(
        "anything-but of 80 texts each, case ignored, 1 MB",
        lambda n: {"a": [{"anything-but": {"equals-ignore-case": [f"{n}{k}" for k in range(80)]}}]},
        lambda: {"a": "A" * (MEGABYTE - 100)},
    ),
    Attack(
        "six ranges each, numbers of 300 digits",
        lambda n: {
            **{f"x{k}": [{"numeric": [">", 0.02, "<=", 0.5 + n * 1e-6]}] for k in range(6)},
            "y": other(n),
        },
        lambda: {**{f"x{k}": exact(2_000 + k) for k in range(6)}, "y": "y"},
    ),
    Attack(
        "four prefixes each that begin alike, 1,000 texts",
        long_beginnings,
        lambda: {"a": [f"{'b' * 1_000}{n}Ж" for n in range(1_000)]},
    ),
    Attack(
        "both ends, case ignored, 330 texts of another alphabet",
        folded,
        lambda: {"a": [f"{n}{'ж' * 1_550}{n}" for n in range(330)]},
    ),
)
