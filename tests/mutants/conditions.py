"""A pytest plugin that changes conditions of DynamoDB requests, which mutmut sees as mere strings.

It runs the tests against each change in a fork, and prints the changes that no test notices:

    python -m pytest -p tests.mutants.conditions tests/unit/simulation/test_contracts.py

The variable `CHANGES` limits it to modules whose names match a regular expression.
"""

import importlib
import inspect
import os
import pkgutil
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType

import event_bus.stores
import pytest

from tests.mutants.forks import few_examples, outcome

_SECONDS = 20.0
_CONDITION = re.compile(r"attribute_(not_)?exists|[<>=] :|BETWEEN")
_CHANGES = (
    (r" AND ", " OR "),
    (r" OR ", " AND "),
    (r"<=", "<"),
    (r">=", ">"),
    (r"(?<!<)<(?![=>])", "<="),
    (r"(?<![<>])>(?!=)", ">="),
    (r"(?<![<>])=", "<>"),
    (r"<>", "="),
    (r"attribute_exists", "attribute_not_exists"),
    (r"attribute_not_exists", "attribute_exists"),
)


@dataclass(frozen=True, slots=True)
class ConstantChange:
    """A changed string constant of a function.

    Attributes:
        function: The function.
        before: The constant.
        after: The changed constant.
    """

    function: FunctionType
    before: str
    after: str

    def make(self) -> None:
        """Changes the function."""
        self.function.__code__ = _replaced(self.function.__code__, self.before, self.after)


def _replaced(code: CodeType, before: str, after: str) -> CodeType:
    def new(constant: object) -> object:
        if isinstance(constant, CodeType):
            return _replaced(constant, before, after)
        return after if constant == before else constant

    return code.replace(co_consts=tuple(new(each) for each in code.co_consts))


def changes() -> Iterator[ConstantChange]:
    """All changes of the conditions in `event_bus.stores`, one operator at a time."""
    for found in pkgutil.iter_modules(event_bus.stores.__path__, "event_bus.stores."):
        for function in _functions(importlib.import_module(found.name)):
            for text in _conditions(function.__code__):
                for pattern, other in _CHANGES:
                    for place in re.finditer(pattern, text):
                        changed = text[: place.start()] + other + text[place.end() :]
                        yield ConstantChange(function, text, changed)


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    classes = [each for _, each in inspect.getmembers(module, inspect.isclass)]
    for owner in (module, *(each for each in classes if each.__module__ == module.__name__)):
        for each in vars(owner).values():
            function = inspect.unwrap(getattr(each, "__func__", each))
            if inspect.isfunction(function) and function.__module__ == module.__name__:
                yield function


def _conditions(code: CodeType) -> Iterator[str]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _conditions(each)
        elif isinstance(each, str) and _CONDITION.search(each) and not _writes(each):
            yield each


def _writes(text: str) -> bool:
    return "\n" in text or text.lstrip().startswith(("SET ", "ADD ", "REMOVE "))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Runs the changes in place of the tests."""
    for item in session.items:
        few_examples(item)
    asked = re.compile(os.environ.get("CHANGES", ""))
    chosen = [each for each in changes() if asked.search(each.function.__module__)]
    survived = 0
    for each in chosen:
        if outcome(each.make, session.items, _SECONDS) == "survived":
            survived += 1
            function = each.function
            sys.stdout.write(
                f"\n{function.__module__}.{function.__qualname__}\n"
                f"  - {each.before}\n  + {each.after}\n"
            )
            sys.stdout.flush()
    sys.stdout.write(f"\n{len(chosen) - survived} of {len(chosen)} killed\n")
    return True
