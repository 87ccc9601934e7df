"""The judgements of mutants stay true to the code that they are about."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra.built import ROOT
from tests.mutants import judgements
from tests.mutants.judgements import MutantChange, change_of, function_of
from tests.mutants.suites import SUITES, Suite

ENTRIES = [
    (part, change, reason)
    for part, changes in judgements.read().items()
    for change, reason in changes.items()
]


def test_every_judgement_is_about_a_part_and_gives_a_reason() -> None:
    parts = {each.name for each in SUITES}
    for part, change, reason in ENTRIES:
        assert part in parts, change
        assert reason.endswith("."), change


def test_the_lines_that_judged_mutants_change_are_still_there() -> None:
    stale = [change for _, change, _ in ENTRIES if change.is_stale()]
    assert stale == []


def test_a_judgement_whose_lines_are_gone_is_stale() -> None:
    change = ENTRIES[0][1]
    assert replace(change, before="this line is nowhere").is_stale()
    assert replace(change, function=f"{change.function}_before").is_stale()
    assert replace(change, function="event_bus.nowhere.found").is_stale()


@pytest.mark.parametrize(
    ("mutant", "function"),
    [
        ("event_bus.ids.x_new_id__mutmut_3", "event_bus.ids.new_id"),
        ("event_bus.ids.x__hidden__mutmut_12", "event_bus.ids._hidden"),
        ("event_bus.cache.xǁCacheǁget__mutmut_1", "event_bus.cache.Cache.get"),
        ("infra.lane.xǁLaneǁ__init____mutmut_4", "infra.lane.Lane.__init__"),
    ],
)
def test_a_mutant_names_its_function(mutant: str, function: str) -> None:
    assert function_of(mutant) == function


def test_a_change_is_read_from_a_diff() -> None:
    diff = (
        "--- a.py\n+++ a.py\n@@ -1,4 +1,4 @@\n def more(x):\n"
        "-    if x > 1:\n+    if x >= 1:\n         return 2\n     return 3"
    )
    found = change_of("event_bus.a.x_more__mutmut_1", diff)
    assert found == MutantChange("event_bus.a.more", "if x > 1:", "if x >= 1:")


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_a_part_names_files_and_tests_that_exist(suite: Suite) -> None:
    assert [each for each in suite.files if not _source_files(each)] == []
    tests = (each.removeprefix("--deselect=").partition("::")[0] for each in suite.tests)
    assert [each for each in tests if not (ROOT / each).exists()] == []


@pytest.mark.parametrize(
    "package", ["access", "audit", "callbacks", "delivery", "encryption", "inbox", "recovery"]
)
def test_every_module_on_which_promises_depend_belongs_to_a_part(package: str) -> None:
    modules = {
        each
        for each in _source_files(f"event_bus/{package}/*.py")
        if each.name not in ("__init__.py", "__main__.py")
    }
    parts = {file for suite in SUITES for each in suite.files for file in _source_files(each)}
    assert modules - parts == set()


def _source_files(pattern: str) -> list[Path]:
    """Finds the files of a part, as patterns below `layers`, or below the root for `infra`."""
    return [*(ROOT / "layers").glob(pattern), *ROOT.glob(pattern)]
