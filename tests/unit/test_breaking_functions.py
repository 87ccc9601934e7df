"""Functions of an imported module are broken in place, and nothing else of it."""

import importlib.util
import weakref
from pathlib import Path
from types import ModuleType

import pytest

from tests.safeguards.live import NotInFunctions, break_functions

INTACT = """
from contextlib import contextmanager
from dataclasses import dataclass

LIMIT = 3

@dataclass(frozen=True, slots=True)
class Counter:
    seen: int = 0

    @property
    def full(self) -> bool:
        return self.seen >= LIMIT

    @classmethod
    def made(cls) -> "Counter":
        return cls(1)

@contextmanager
def held(places: list[str]):
    places.append("taken")
    yield
    places.append("left")

def every():
    return [each for each in (1, 2)], (lambda: "inner")()

first = lambda: 1
second = lambda: 2
"""


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    place = tmp_path / "breakable.py"
    place.write_text(INTACT)
    spec = importlib.util.spec_from_file_location("breakable", place)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def broken(module: ModuleType, old: str, new: str) -> None:
    assert INTACT.count(old) == 1
    break_functions(str(module.__file__), INTACT, INTACT.replace(old, new))


def test_a_property_and_a_class_method(module: ModuleType) -> None:
    full, fresh = module.Counter(3), module.Counter()
    broken(module, "self.seen >= LIMIT", "self.seen > LIMIT")
    assert (full.full, fresh.full, module.Counter(4).full) == (False, False, True)
    broken(module, "return cls(1)", "return cls(2)")
    assert module.Counter.made() == module.Counter(2)


def test_a_weak_reference_to_what_is_gone_is_passed_over(module: ModuleType) -> None:
    counted = {"seen"}
    reference = weakref.proxy(counted)
    del counted
    broken(module, "return cls(1)", "return cls(2)")
    assert module.Counter.made() == module.Counter(2)
    assert type(reference) is weakref.ProxyType


def test_a_function_behind_a_decorator(module: ModuleType) -> None:
    broken(module, '    places.append("left")\n', "    pass\n")
    places: list[str] = []
    with module.held(places):
        pass
    assert places == ["taken"]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [("each for", "-each for", ([-1, -2], "inner")), ('"inner"', '"other"', ([1, 2], "other"))],
)
def test_breaks_are_found_within_functions(
    module: ModuleType, old: str, new: str, found: object
) -> None:
    broken(module, old, new)
    assert module.every() == found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("seen: int = 0", "seen: int = 1"),
        ("frozen=True", "frozen=False"),
        ("    @property\n", ""),
        ("first = lambda: 1", "first = lambda: 3"),
        ("def every():", "def every(more=1):"),
        ("def every():", "def all_of_them():"),
    ],
)
def test_a_change_outside_of_functions_needs_a_new_import(
    module: ModuleType, old: str, new: str
) -> None:
    with pytest.raises(NotInFunctions):
        broken(module, old, new)
    assert module.every() == ([1, 2], "inner")


def test_a_module_that_is_not_imported_cannot_be_broken(tmp_path: Path) -> None:
    with pytest.raises(NotInFunctions, match="not imported"):
        break_functions(str(tmp_path / "other.py"), INTACT, INTACT.replace("cls(1)", "cls(2)"))
