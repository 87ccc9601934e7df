"""Breaks one safeguard after another and shows that tests notice: `python -m tests.safeguards`.

Each is broken in a copy of the project, in which the fast tests run until the first of them fails.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.safeguards.patches import Safeguard, safeguards

ROOT = Path(__file__).parents[2]

_SUITES = (
    "tests/unit/event_bus",
    "tests/unit/functions",
    "tests/unit/simulation",
    "tests/unit/infra",
    "tests/unit/clients",
)

_FIRST_FAILURE = re.compile(r"^(?:FAILED|ERROR) (?:tests/unit/)?(\S+)", re.MULTILINE)
_SECONDS = 900


def caught_by(safeguard: Safeguard, project: Path) -> str | None:
    """Breaks a safeguard in a copy of the project.

    Returns:
        The test that noticed, or None where none did.
    """
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "project"
        shutil.copytree(project, copy, symlinks=True)
        broken = copy / safeguard.file
        broken.write_text(safeguard.broken(broken.read_text()))
        own, others = _suites(safeguard)
        return _first_failure(copy, own) or _first_failure(copy, others)


def _first_failure(project: Path, suite: list[str]) -> str | None:
    """The first test of a suite that fails, or None where all pass."""
    if not suite:
        return None
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-xqp", "no:cacheprovider", *suite],
            cwd=project,
            env={**os.environ, "PYTHONPATH": f"{project}:{project / 'layers'}"},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"nothing came to an end within {_SECONDS} s"
    if ran.returncode == 0:
        return None
    failure = _FIRST_FAILURE.search(ran.stdout)
    if failure is None:
        raise RuntimeError(f"the tests did not run:\n{ran.stdout}\n{ran.stderr}")
    return failure[1]


def _suites(safeguard: Safeguard) -> tuple[list[str], list[str]]:
    """The tests of the file's own package, which most often notice, and the other fast tests."""
    package = Path(safeguard.file).parent
    own = {
        "layers": Path("tests/unit", *package.parts[1:]),
        "functions": Path("tests/unit/functions"),
        "infra": Path("tests/unit/infra"),
        "clients": Path("tests/unit/clients"),
    }[package.parts[0]]
    if not (ROOT / own).is_dir():
        return [], list(_SUITES)
    return [str(own)], [*_SUITES, f"--ignore={own}"]


def renew() -> None:
    """Gives each patch the context and line numbers that its file has today."""
    for each in safeguards():
        text = each.renewed((ROOT / each.file).read_text())
        if text != each.place.read_text():
            each.place.write_text(text)
            sys.stdout.write(f"{each.place.relative_to(ROOT)}\n")


def copied(project: Path) -> Path:
    """Copies the project, as it stands now, so that it may be worked on meanwhile."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in listed.rstrip("\0").split("\0"):
        source, target = ROOT / name, project / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for name in (".build", "node_modules"):
        (project / name).symlink_to(ROOT / name)
    return project


def main() -> int:
    """Breaks those that were asked for, and says what came of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only safeguards whose name has one of these")
    parser.add_argument("--renew", action="store_true", help="give patches today's context")
    arguments = parser.parse_args()
    if arguments.renew:
        renew()
        return 0
    words, every = arguments.words, safeguards()
    chosen = [each for each in every if not words or any(word in each.name for word in words)]
    began, survived = time.monotonic(), []
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(partial(caught_by, project=copied(Path(scratch) / "project")), chosen)
        for safeguard, noticed in zip(chosen, found, strict=True):
            sys.stdout.write(f"{'caught' if noticed else 'SURVIVED':9} {safeguard.name}\n")
            if noticed:
                sys.stdout.write(f"{'':9} by {noticed}\n")
            else:
                survived.append(safeguard)
            sys.stdout.flush()
    took = time.monotonic() - began
    sys.stdout.write(
        f"{len(chosen)} safeguards broken, {len(survived)} not noticed, in {took:.0f} s\n"
    )
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
