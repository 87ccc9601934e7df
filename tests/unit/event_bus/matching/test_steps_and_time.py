"""Steps of matching against processor time, so that no comparison is counted as less than it is.

Both sides of a ratio are measured in turns on the same machine, and the lowest of several
measurements counts. So the speed of the machine, and other work on it, matter little.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from event_bus.json_numbers import read_decimal
from event_bus.matching import limits
from event_bus.matching.event_view import EventView
from event_bus.matching.pattern import EventPattern
from event_bus.matching.tables import EntryTable, FoundEntries
from event_bus.matching.text_tables import FoldedTable, InfixTable
from event_bus.matching.work import OutOfWork, Work

MOST = 7
"""How many times longer than a step of comparing short numbers a step may take."""

ROUNDS = 5
WIDE = "\u0100"
SHARP = "\u00df"


def wildcard(length: int, letter: str = "a") -> Callable[[int], dict[str, Any]]:
    """Returns wildcards with a part of this length: one letter repeated, and a b near the end."""
    return lambda n: {"wildcard": f"*{letter * (length - 3)}b{letter * 2}*{n}*"}


def ignoring_case(name: str, text: str) -> Callable[[int], dict[str, Any]]:
    return lambda n: {name: {"equals-ignore-case": f"{n}{text}{n}"}}


def prefix(text: str) -> Callable[[int], dict[str, Any]]:
    return lambda n: {"prefix": f"{text}{n}"}


def suffix(text: str) -> Callable[[int], dict[str, Any]]:
    return lambda n: {"suffix": f"{n}{text}"}


def numeric(lower: float) -> Callable[[int], dict[str, Any]]:
    return lambda n: {"numeric": [">", lower, "<", lower + 1e-9 * (n + 1)]}


def equal(text: str) -> Callable[[int], dict[str, Any]]:
    return lambda n: {"equals-ignore-case": f"{text}{n}"}


def exact(n: int) -> Any:
    return read_decimal(f"0.{n:05}{'1' * 300}")


BEGINNINGS = [f"{'a' * 1_000}{n}{WIDE}" for n in range(980)]
ENDINGS = [f"{WIDE}{n}{'a' * 1_000}" for n in range(980)]
SHARPS = [SHARP * 1_500 + str(n) for n in range(340)]
ADDRESSES = [f"10.{n >> 8}.{n & 255}.7" for n in range(5_000)]

CASES: dict[str, tuple[Callable[[int], dict[str, Any]], Any]] = {
    **{
        f"wildcard of {part} letters, text of {length}": (wildcard(part), "a" * length)
        for part, length in [
            *((60, 127), (120, 255), (60, 600), (300, 600), (90, 2_400), (1_000, 2_490)),
            *((1_000, 3_000), (1_000, 20_000), (12, 29_000), (30, 29_000), (99, 29_000)),
        ]
    },
    "wildcard, letters of two bytes": (wildcard(1_000, WIDE), WIDE * 2_490),
    "wildcard, a short text after a long one": (
        lambda n: {"wildcard": f"*x*{'a' * 90}ba*{n}*"},
        "y" * 30_000 + "x" + "a" * 29_000,
    ),
    "case ignored, long text": (equal("x"), "a" * 500_000),
    "case ignored, not ASCII": (equal(SHARP * 1_000), SHARP * 5_000),
    "numbers": (numeric(3.5), 3),
    "exact number": (numeric(0.5), exact(1_000)),
    "exact number, bound at its double": (numeric(float(exact(1_000))), exact(1_000)),
    "exact numbers": (numeric(0.5), [exact(n) for n in range(2_000)]),
    "texts with a long common beginning": (prefix("a" * 1_000), BEGINNINGS),
    "texts with a long common end": (suffix("a" * 1_000), ENDINGS),
    "long texts, case ignored": (equal("a" * 1_000), BEGINNINGS),
    "long texts, beginning, case ignored": (ignoring_case("prefix", ""), BEGINNINGS),
    "long texts, end, case ignored": (ignoring_case("suffix", "a" * 1_000), ENDINGS),
    "folded texts": (equal(SHARP * 1_000), SHARPS),
    "folded ends": (ignoring_case("suffix", SHARP), SHARPS),
    "addresses": (lambda n: {"cidr": f"11.{n}.0.0/16"}, ADDRESSES),
}


def comparing(comparison: Callable[[int], dict[str, Any]], value: Any) -> tuple[float, int]:
    """Returns the seconds and the steps of comparing a value, or an array, with 90 operands."""
    pattern = EventPattern({"a": [comparison(n) for n in range(90)]})
    view = EventView({"a": value})
    before = 0
    if not view.walked:
        # All filters share what reading the elements costs, and `MAX_ELEMENTS` bounds it.
        view.root.nested("a")
        before = view.shared.steps
    work = Work(limits.EVENT_WORK)
    started = time.process_time()
    with suppress(OutOfWork):
        pattern.satisfied_by(view, work)
    seconds = time.process_time() - started
    return seconds, limits.EVENT_WORK - work.left + view.shared.steps - before


def finding(table: EntryTable[str], value: str) -> tuple[float, int]:
    """Returns the seconds and the steps of looking up a value 10 times in a table."""
    found: FoundEntries[str] = FoundEntries(Work(10 * limits.EVENT_WORK))
    started = time.process_time()
    for _ in range(10):
        table.find_one(value, found)
    return time.process_time() - started, 10 * limits.EVENT_WORK - found.work.left


def assert_counted(measure: Callable[[], tuple[float, int]]) -> None:
    """Asserts that a step of some work takes at most `MOST` times as long as a usual step."""
    usual, taken = [], []
    for _ in range(ROUNDS):
        usual.append(comparing(numeric(3.5), 3))
        taken.append(measure())
    step, usual_step = (min(seconds / steps for seconds, steps in each) for each in (taken, usual))
    assert step <= MOST * usual_step, f"{step / usual_step:.1f} times as long as a usual step"


@pytest.mark.parametrize("case", CASES)
def test_a_step_of_each_comparison_takes_about_the_same_time(case: str) -> None:
    comparison, value = CASES[case]
    assert_counted(lambda: comparing(comparison, value))


@pytest.mark.parametrize("length", [300, 2_400, 29_000])
@pytest.mark.parametrize("part", [8, 20, 64])
def test_a_step_of_searching_for_keys_takes_about_the_same_time(part: int, length: int) -> None:
    table: InfixTable[str] = InfixTable()
    for n in range(min(4, part - 3)):
        table.add(f"{'a' * (part - 3 - n)}b{'a' * (n + 2)}", "entry")
    assert_counted(lambda: finding(table, "a" * length))


def test_a_step_of_folding_a_value_takes_about_the_same_time() -> None:
    table: FoldedTable[str] = FoldedTable()
    for n in range(10):
        table.add(f"key-{n}", "entry")
    assert_counted(lambda: finding(table, SHARP * 3_000))
