"""Runs tests against broken copies of the project, in forks that have the libraries imported."""

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.orphans import end_with
from tests.safeguards.live import NotInFunctions, break_functions
from tests.safeguards.patches import FOLDER, Safeguard

ROOT = Path(__file__).parents[2]
_UNIT = Path("tests/unit")
_STORIES = _UNIT / "simulation" / "stories"
_OTHERS = ("event_bus", "functions", "simulation", "infra", "clients")
_NOTICED = Path(__file__).with_name("noticed.json")

_OWN = ("event_bus", "event_bus_client", "infra", "localstack", "tests")
# A timeout of a test would end the alarm of the whole run.
_OPTIONS = ("-qp", "no:cacheprovider", "-o", "timeout=0")
_FAILURE = re.compile(r"^(?:FAILED|ERROR) (tests/.+?)(?: - .*)?$", re.MULTILINE)
_SECONDS = 900
_NO_END = f"nothing came to an end within {_SECONDS} s"


def noticed() -> dict[str, str]:
    """The test that noticed each safeguard's absence in an earlier run, by the patch's name."""
    return dict(json.loads(_NOTICED.read_text())) if _NOTICED.exists() else {}


def remember(found: dict[str, str]) -> None:
    """Writes which test noticed the absence of each safeguard, so that it runs first next time."""
    known = {
        each.relative_to(FOLDER).with_suffix("").as_posix() for each in FOLDER.rglob("*.patch")
    }
    kept = {name: test for name, test in {**noticed(), **found}.items() if name in known}
    # Other processes read the file meanwhile, so it is replaced as a whole.
    new = _NOTICED.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
    new.replace(_NOTICED)


class Copy:
    """A copy of the project in which one safeguard at a time is broken.

    Its process has the modules imported, and forks another one for each run of tests.
    """

    def __init__(self, folder: Path) -> None:
        """Makes the copy, and turns this process into one that runs its tests."""
        self._folder = copy_to(folder)
        self._imported: set[str] = set()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.chdir(folder)
        os.environ["PYTHONPATH"] = import_path(folder)
        sys.path[:] = [str(folder), *(each for each in sys.path if not of_project(each))]
        _forget_own_modules()

    def caught_by(self, safeguard: Safeguard) -> str | None:
        """Breaks a safeguard, runs tests until one fails, and mends the safeguard.

        Returns:
            The test that noticed, or None where none did.

        Raises:
            RuntimeError: No test ran, or the one that failed also fails with the safeguard intact.
        """
        for suite in _suites(safeguard):
            failure = self._first_failure(safeguard, suite)
            if failure is None:
                continue
            if failure != _NO_END and self._first_failure(safeguard, [failure], mended=True):
                raise RuntimeError(f"{failure} fails without the break of {safeguard.key}, too")
            return failure
        return None

    def _first_failure(
        self, safeguard: Safeguard, suite: list[str], *, mended: bool = False
    ) -> str | None:
        """The first test of a suite that fails, or None where all pass.

        Args:
            safeguard: The safeguard that is broken.
            suite: The tests.
            mended: Whether the safeguard is mended again before they run.
        """
        files = {each.partition("::")[0] for each in suite}
        if not files <= self._imported:
            self._imported |= files
            pytest.main(["--collect-only", *_OPTIONS, *files])
            # The one of the tests would leave this process running.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        place = self._folder / safeguard.file
        intact = place.read_text()
        broken = safeguard.broken(intact)
        _write(place, intact if mended else broken)
        try:
            with tempfile.TemporaryFile("w+") as output:
                parent, process = os.getpid(), os.fork()
                if not process:
                    end_with(parent)
                    _become_tests(place, intact, broken, suite, output.fileno(), mended=mended)
                code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
                output.seek(0)
                text = output.read()
        finally:
            _write(place, intact)
        if code == -signal.SIGALRM:
            return _NO_END
        # A test that was named by an earlier run may have another name today.
        gone = code == pytest.ExitCode.USAGE_ERROR and any("::" in each for each in suite)
        if code == pytest.ExitCode.OK or gone:
            return None
        failure = _FAILURE.search(text)
        if failure is None:
            raise RuntimeError(f"the tests did not run:\n{text}")
        return failure[1]


def _become_tests(
    place: Path, intact: str, broken: str, suite: list[str], output: int, *, mended: bool
) -> NoReturn:
    """Turns this process, which has just been forked, into one that runs tests."""
    code = 70
    try:
        signal.alarm(_SECONDS)
        os.dup2(output, 1)
        os.dup2(output, 2)
        try:
            break_functions(str(place), intact, broken)
        except NotInFunctions:
            _forget_own_modules()
        else:
            if mended:
                break_functions(str(place), broken, intact)
        code = pytest.main(["-x", *_OPTIONS, *suite])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def import_path(folder: Path) -> str:
    """The places from which processes that tests start import a copy of the project."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    places = settings["tool"]["pytest"]["ini_options"]["pythonpath"]
    return os.pathsep.join(str(folder / each) for each in places)


def of_project(entry: str) -> bool:
    """Whether an entry of the path leads to the project's code, and not to installed packages."""
    place = Path(entry or ".").absolute()
    # The virtual environment may be inside the project.
    return place.is_relative_to(ROOT) and not place.is_relative_to(sys.prefix)


def _forget_own_modules() -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] in _OWN]:
        del sys.modules[name]
    # The logger of the bus would keep the handler whose stream an earlier run has closed.
    logging.root.manager.loggerDict.clear()


def _write(place: Path, text: str) -> None:
    """Writes a module, and drops its bytecode, which may seem to be of the new text."""
    place.write_text(text)
    for compiled in place.parent.glob(f"__pycache__/{place.stem}.*"):
        compiled.unlink()


def _suites(safeguard: Safeguard) -> Iterator[list[str]]:
    """The tests, those first that most likely notice."""
    earlier = noticed().get(safeguard.key)
    if earlier:
        yield [earlier]
    package = Path(*Path(safeguard.file).parts[1:-1])
    folder = _UNIT / package
    likely = [folder / f"test_{Path(safeguard.file).stem}.py", folder, _STORIES]
    if safeguard.file.startswith(("infra", "clients", "functions")):
        likely = [_UNIT / Path(safeguard.file).parts[0]]
    done = [each for each in likely if (ROOT / each).exists() and each != _UNIT / "event_bus"]
    for each in done:
        yield [str(each)]
    others = [str(_UNIT / each) for each in _OTHERS]
    yield [*others, *(f"--ignore={each}" for each in done)]


def copy_to(project: Path) -> Path:
    """Copies the project as it is now, so that it can be changed meanwhile."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=120,
    ).stdout.decode()
    for name in listed.rstrip("\0").split("\0"):
        source, target = ROOT / name, project / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for name in (".build", "node_modules"):
        (project / name).symlink_to(ROOT / name)
    return project
