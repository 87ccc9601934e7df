"""A pytest plugin that runs each mutant in a fork of one process.

The process imports and collects the tests once, so a mutant costs only the tests that call its
function. It reads the names of the mutants from the file `MUTANTS`. For each, it appends a line to
the file `OUTCOMES`: the name, and `killed`, `timeout`, `survived` or `no tests`. It does not run a
mutant that has a line already.
"""

import json
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.utils.format_utils import mangled_name_from_mutant_name

from tests.orphans import end_with

MUTANTS, OUTCOMES, MEASURED = "asked-mutants.txt", "outcomes.txt", "mutmut-stats.json"
_SPARE_SECONDS = 5
_UNCHANGED_SECONDS = 300.0
# How many times the measured time the tests of a mutant may take, in processor time and on the
# clock. The clock also counts the time of other processes of the machine.
_TIMES_LONGER = 4
_WALL_TIMES_LONGER = 10
_PHASES = (Phase.explicit, Phase.generate)
_EXAMPLES = 20
_SETTINGS = "_hypothesis_internal_use_settings"
# Fixtures that run the code once for all tests: the first test that asks for one seems to be the
# only one that calls it.
_SHARED = {"app"}

most_mutants: int | None = None
"""How many mutants a process runs; None for all.

A plugin sets it if the forks share something that each of them changes. Then a mutant that takes
too long is also the last one, because it was ended while it used what they share.
"""


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Runs the mutants in place of the tests."""
    end_with(os.getppid(), signal.SIGTERM)
    measured = json.loads(Path(MEASURED).read_text())
    seconds: dict[str, float] = measured["duration_by_test"]
    items = _in_order(session.items, seconds)
    for item in items:
        few_examples(item)
    began = time.monotonic()
    if outcome(_change_nothing, items, _UNCHANGED_SECONDS) != "survived":
        # Every mutant would seem to be killed.
        pytest.exit("the tests fail in a fork without any mutant", 1)
    # mutmut's times leave out the fixtures of the tests.
    fixtures = max(0.0, time.monotonic() - began - sum(seconds.values()))
    with Path(OUTCOMES).open("a+") as outcomes:
        outcomes.seek(0)
        known = {line.split()[0] for line in outcomes}
        left = [name for name in Path(MUTANTS).read_text().split() if name not in known]
        for name in left[:most_mutants]:
            callers = measured["tests_by_mangled_function_name"].get(
                mangled_name_from_mutant_name(name), ()
            )
            chosen = _meeting(items, callers)
            result = "no tests"
            if chosen:
                limit = fixtures + sum(seconds[item.nodeid] for item in chosen)
                result = outcome(partial(set_mutant_under_test, name), chosen, limit)
            outcomes.write(f"{name} {result}\n")
            outcomes.flush()
            if result == "timeout" and most_mutants:
                break
    return True


def _in_order(items: Sequence[pytest.Item], seconds: Mapping[str, float]) -> list[pytest.Item]:
    """Returns the quickest tests first: they kill most mutants, so that the others need not run.

    Tests for which a shared fixture has the same value stay together, since it takes longer than
    they do. Those of the value that most tests have come first.
    """

    def value(item: pytest.Item) -> str:
        given = getattr(getattr(item, "callspec", None), "params", {})
        return " ".join(str(given[name]) for name in sorted(_SHARED & given.keys()))

    common = Counter(value(item) for item in items)
    common[""] = len(items)
    return sorted(
        items, key=lambda item: (-common[value(item)], value(item), seconds.get(item.nodeid, 0))
    )


def _change_nothing() -> None:
    pass


def _meeting(items: Sequence[pytest.Item], callers: Container[str]) -> list[pytest.Item]:
    """Returns the tests that call a function, and those that share a fixture which calls it."""
    shared = {
        fixture
        for item in items
        if item.nodeid in callers
        for fixture in _SHARED.intersection(getattr(item, "fixturenames", ()))
    }
    return [
        item
        for item in items
        if item.nodeid in callers or shared.intersection(getattr(item, "fixturenames", ()))
    ]


def few_examples(item: pytest.Item) -> None:
    """Lets a property test try few examples, and stop at the first failure without shrinking it."""
    test: Any = getattr(item, "obj", None)
    function = getattr(test, "__func__", test)
    current = getattr(function, _SETTINGS, None)
    if current is not None:
        examples = min(_EXAMPLES, current.max_examples)
        few = settings(current, phases=_PHASES, max_examples=examples)
        setattr(function, _SETTINGS, few)


def outcome(change: Callable[[], None], items: Sequence[pytest.Item], seconds: float) -> str:
    """Makes a change in a fork, and runs tests there until one fails.

    Args:
        change: Makes the change.
        items: The tests.
        seconds: How long they take without the change.

    Returns:
        `killed`, `timeout` or `survived`.
    """
    parent, child = os.getpid(), os.fork()
    if not child:
        end_with(parent)
        _run(change, items, seconds)
    patience = time.monotonic() + _WALL_TIMES_LONGER * (_SPARE_SECONDS + seconds)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > patience:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "timeout"
        time.sleep(0.01)
    if os.WIFSIGNALED(status):
        return "timeout" if os.WTERMSIG(status) == signal.SIGXCPU else "killed"
    return "killed" if os.WEXITSTATUS(status) else "survived"


def _run(change: Callable[[], None], items: Sequence[pytest.Item], seconds: float) -> None:
    """Runs tests until one fails, and ends this process."""
    try:
        limit = int(_SPARE_SECONDS + _TIMES_LONGER * seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        change()
        following = [*items[1:], None]
        for item, after in zip(items, following, strict=True):
            if any(each.failed for each in runtestprotocol(item, nextitem=after, log=False)):
                os._exit(1)
    except BaseException:
        os._exit(2)
    os._exit(0)
