"""The safeguards that `python -m tests.safeguards` breaks stand where it looks for them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.safeguards.patches import NotApplied, Safeguard, safeguards, written
from tests.safeguards.runs import ROOT, Copy, import_path, noticed, of_project

_SOURCES = "".join(each.read_text() for each in (ROOT / "tests").rglob("*.py"))
BEFORE = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"


@pytest.mark.parametrize("safeguard", safeguards(), ids=lambda each: each.name)
def test_a_safeguard_can_be_broken(safeguard: Safeguard) -> None:
    text = (ROOT / safeguard.file).read_text()
    broken = safeguard.broken(text)
    assert broken != text
    compile(broken, safeguard.file, "exec")


def test_each_has_a_name_of_its_own() -> None:
    names = [each.name for each in safeguards()]
    assert len(names) == len(set(names)) > 200


def test_each_was_noticed_by_a_test() -> None:
    # The command `python -m tests.safeguards`, with the name of a patch, adds it to `noticed.json`.
    assert sorted({each.key for each in safeguards()} - noticed().keys()) == []


def test_the_tests_that_noticed_safeguards_exist() -> None:
    # A run would otherwise search all tests again for the one that notices.
    for safeguard, test in noticed().items():
        file, _, name = test.partition("[")[0].partition("::")
        assert (ROOT / file).is_file(), safeguard
        function = name.rpartition("::")[2]
        assert f"def {function}(" in _SOURCES, safeguard


@pytest.mark.parametrize(
    ("entry", "own"),
    [(".venv/lib/site-packages", False), ("layers", True), ("", True), (".venvs", True)],
)
def test_a_copy_imports_installed_packages_but_not_the_intact_project(
    entry: str, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.prefix", str(ROOT / ".venv"))
    assert of_project(str(ROOT / entry)) is own
    assert not of_project("/usr/lib/python3")


def test_processes_that_tests_start_import_the_whole_copy(tmp_path: Path) -> None:
    for name in ("layers/event_bus/__init__.py", "clients/python/src/event_bus_client/__init__.py"):
        place = tmp_path / name
        place.parent.mkdir(parents=True)
        place.touch()
    ran = subprocess.run(
        [sys.executable, "-c", "import event_bus as a, event_bus_client as b; print(a, b)"],
        env={"PYTHONPATH": import_path(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.count(str(tmp_path)) == 2


@pytest.mark.parametrize(("fails_intact", "said"), [(True, "fails without"), (False, None)])
def test_a_test_notices_a_break_only_if_it_passes_without(
    fails_intact: bool, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_failure(*_: object, mended: bool = False) -> str | None:
        return "tests/a.py::test_b" if fails_intact or not mended else None

    monkeypatch.setattr(Copy, "_first_failure", first_failure)
    copy = object.__new__(Copy)
    if said:
        with pytest.raises(RuntimeError, match=said):
            copy.caught_by(safeguards()[0])
    else:
        assert copy.caught_by(safeguards()[0]) == "tests/a.py::test_b"


@pytest.fixture
def patch(tmp_path: Path) -> Safeguard:
    place = tmp_path / "four.patch"
    place.write_text(
        written("four is left out", "numbers.py", BEFORE, BEFORE.replace("four\n", ""))
    )
    return Safeguard.read(place)


def test_a_patch_finds_its_place(patch: Safeguard) -> None:
    assert (patch.name, patch.file) == ("four is left out", "numbers.py")
    assert patch.broken(BEFORE) == BEFORE.replace("four\n", "")
    moved = f"zero\n{BEFORE}"
    assert patch.broken(moved) == moved.replace("four\n", "")


def test_it_needs_no_more_context_than_is_there(patch: Safeguard) -> None:
    text = "3\nfour\n5\n"
    assert patch.broken(text) == "3\n5\n"
    assert "-four" in patch.renewed(text)
    assert "three" not in patch.renewed(text)


@pytest.mark.parametrize("text", ["three\n4\nfive\n", "four\nfour\n", "fourteen\n", BEFORE * 2])
def test_one_that_finds_its_place_not_once_fails(patch: Safeguard, text: str) -> None:
    with pytest.raises(NotApplied, match=r"four\.patch"):
        patch.broken(text)


def test_one_that_names_no_file_fails(tmp_path: Path) -> None:
    place = tmp_path / "of-nothing.patch"
    place.write_text("nothing\n")
    with pytest.raises(NotApplied, match="names no file"):
        Safeguard.read(place)
