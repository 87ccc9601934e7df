"""Changes the code in small ways, and shows which changes no test notices.

`python -m tests.mutants access` runs the mutants of one part. mutmut creates them in a copy of the
project, and each meets the tests that call the changed function.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from infra.built import ROOT
from tests.mutants import forks
from tests.mutants.suites import SUITES, Suite

_COPIED = (
    "tests",
    "infra",
    "localstack",
    "functions",
    "docs",
    "app.py",
    "cdk.json",
    "README.md",
    "CHANGELOG.md",
)
_JUDGED = Path(__file__).with_name("judged.toml")
_NAME = re.compile(r"^\s+(\S+__mutmut_\d+): ", re.MULTILINE)
_SEED = 15
_KILLED = ("killed", "timeout")


def lay_out(suite: Suite, project: Path) -> None:
    """Copies the project, so that mutmut finds packages under their own names."""
    shutil.copytree(ROOT / "layers" / "event_bus", project / "event_bus")
    for name in _COPIED:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, project / name)
    quoted = "[{}]".format(", ".join(f'"{each}"' for each in suite.files))
    tests = "[{}]".format(", ".join(f'"{each}"' for each in suite.tests))
    copied = "[{}]".format(", ".join(f'"{each}"' for each in ("event_bus", *_COPIED)))
    options = (ROOT / "pyproject.toml").read_text().replace('".", "layers"', '"."')
    (project / "pyproject.toml").write_text(
        f"{options}\n[tool.mutmut]\n"
        f'source_paths = ["event_bus"]\nonly_mutate = {quoted}\nalso_copy = {copied}\n'
        # Log lines are for people: no test depends on them.
        f'do_not_mutate_patterns = ["logger[.]"]\n'
        f'pytest_add_cli_args = ["-p", "no:cacheprovider"]\n'
        f"pytest_add_cli_args_test_selection = {tests}\n"
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of the mutants of a part.

    Attributes:
        created: How many mutants there are.
        statuses: The result of each mutant that was run, by its name.
        unjudged: The mutants that were neither killed nor judged.
        changes: The changes of these, as diffs.
    """

    created: int
    statuses: Mapping[str, str]
    unjudged: Sequence[str]
    changes: str


def outcome(
    suite: Suite, judged: Container[str], patterns: Sequence[str], sample: int | None
) -> Outcome:
    """Runs mutants of a part.

    Args:
        suite: The part.
        judged: The mutants that no test needs to notice.
        patterns: The patterns of the names of mutants to run.
        sample: How many of them to run; None for all.

    Raises:
        RuntimeError: The run ended early.
    """
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch, "project")
        project.mkdir()
        lay_out(suite, project)
        # This creates the mutants and measures the tests. No mutant has this name.
        said = _output_of(project, "mutmut", "run", "none")
        created = sorted(_NAME.findall(_output_of(project, "mutmut", "results", "--all", "true")))
        asked = [name for name in created if any(fnmatch(name, each) for each in patterns)]
        if sample is not None and sample < len(asked):
            asked = random.Random(_SEED).sample(asked, sample)
        mutants = project / "mutants"
        (mutants / forks.MUTANTS).write_text("\n".join(asked))
        plugin = ("-p", "tests.mutants.forks", "-p", "no:cacheprovider", "-p", "no:xdist")
        if (mutants / forks.MEASURED).exists():
            said = _output_of(mutants, sys.executable, "-m", "pytest", "-q", *plugin, *suite.tests)
        outcomes = mutants / forks.OUTCOMES
        lines = outcomes.read_text().splitlines() if outcomes.exists() else []
        found = dict(line.split(" ", 1) for line in lines)
        if not found or len(found) < len(asked):
            # A score of some mutants would say nothing.
            raise RuntimeError(f"the run ended early:\n{said[-5000:]}")
        left = [name for name, each in found.items() if each not in _KILLED and name not in judged]
        changes = _output_of(project, sys.executable, "-m", "tests.mutants.changes", *left)
    return Outcome(len(created), found, left, changes)


def _output_of(folder: Path, *command: str) -> str:
    """Runs a command in a folder, and returns what it printed."""
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": "."},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    ).stdout


def main() -> int:
    """Runs mutants, and prints those that survived and are not judged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", help=f"one or more of {', '.join(each.name for each in SUITES)}"
    )
    parser.add_argument(
        "--sample", type=int, help="run only this many of a part; the same in each run"
    )
    parser.add_argument(
        "--names", nargs="+", default=["*"], help="run only mutants whose names match"
    )
    asked = parser.parse_args()
    judged = tomllib.loads(_JUDGED.read_text())
    failed = False
    for suite in SUITES:
        if asked.parts and suite.name not in asked.parts:
            continue
        began = time.monotonic()
        known = judged.get(suite.name, {})
        found = outcome(suite, known, asked.names, asked.sample)
        counts = Counter(found.statuses.values())
        killed = sum(counts[each] for each in _KILLED)
        ran = len(found.statuses)
        sys.stdout.write(
            f"{suite.name}: {killed} of {ran} killed ({killed / ran:.0%}), of {found.created} "
            f"created, in {time.monotonic() - began:.0f} s; {dict(counts)}\n"
        )
        if found.unjudged:
            failed = True
            sys.stdout.write(f"\n{found.changes}\n")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
