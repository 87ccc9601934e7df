"""Changes the code in small ways, and shows which changes no test notices.

`python -m tests.mutants access` runs the mutants of one part. mutmut creates them in a copy of the
project, and each meets the tests that call the changed function.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from infra.built import ROOT
from tests.mutants import forks, judgements
from tests.mutants.judgements import MutantChange
from tests.mutants.suites import SUITES, Suite

_COPIED = (
    *("tests", "infra", "localstack", "functions", "docs"),
    *("app.py", "cdk.json", "README.md", "CHANGELOG.md"),
)
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
    plugins = [part for each in suite.plugins for part in ("-p", each)]
    # Log lines are for people: no test depends on them.
    unchanged = ("logger[.]", *suite.unchanged)
    options = (ROOT / "pyproject.toml").read_text().replace('".", "layers"', '"."')
    (project / "pyproject.toml").write_text(
        f"{options}\n[tool.mutmut]\n"
        f'source_paths = ["event_bus", "infra"]\nonly_mutate = {_listed(suite.files)}\n'
        f"also_copy = {_listed(('event_bus', *_COPIED))}\n"
        f"do_not_mutate_patterns = {_listed(unchanged)}\n"
        f"pytest_add_cli_args = {_listed(('-p', 'no:cacheprovider', *plugins))}\n"
        f"pytest_add_cli_args_test_selection = {_listed(suite.tests)}\n"
    )


def _listed(values: Iterable[str]) -> str:
    return json.dumps(list(values))


@dataclass(frozen=True, slots=True)
class MutantResults:
    """The results of the mutants of a part.

    Attributes:
        created: How many mutants there are.
        statuses: The result of each mutant that was run, by its name.
        changes: What mutants change: all that survived, and all of functions with a judgement.
        diffs: The same as diffs.
    """

    created: int
    statuses: Mapping[str, str]
    changes: Mapping[str, MutantChange]
    diffs: Mapping[str, str]

    @property
    def survivors(self) -> Sequence[str]:
        """The mutants that no test noticed."""
        return [name for name, each in self.statuses.items() if each not in _KILLED]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which mutants of a part to run.

    Attributes:
        patterns: The patterns of their names.
        sample: How many of them to run; None for all.
        seed: The seed of the sample.
    """

    patterns: Sequence[str]
    sample: int | None
    seed: int

    def of(self, created: Sequence[str]) -> list[str]:
        """Returns the chosen ones of all mutants."""
        asked = [name for name in created if any(fnmatch(name, each) for each in self.patterns)]
        if self.sample is not None and self.sample < len(asked):
            return random.Random(self.seed).sample(asked, self.sample)
        return asked


def outcome(suite: Suite, functions: Iterable[str], choice: Choice) -> MutantResults:
    """Runs mutants of a part.

    Args:
        suite: The part.
        functions: The functions with a judgement.
        choice: The mutants to run.

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
        asked = choice.of(created)
        mutants = project / "mutants"
        (mutants / forks.MUTANTS).write_text("\n".join(asked))
        plugins = ("tests.mutants.forks", *suite.plugins, "no:cacheprovider", "no:xdist")
        options = [part for each in plugins for part in ("-p", each)]
        command = (sys.executable, "-m", "pytest", "-q", *options, *suite.tests)
        found: dict[str, str] = {}
        while not found or len(found) < len(asked):
            before = len(found)
            if (mutants / forks.MEASURED).exists():
                said = _output_of(mutants, *command)
                found = _outcomes(mutants / forks.OUTCOMES)
            if len(found) == before:
                # A score of some mutants would say nothing.
                raise RuntimeError(f"the run ended early:\n{said[-5000:]}")
        named = set(functions)
        shown = [
            name
            for name in created
            if found.get(name, "killed") not in _KILLED or judgements.function_of(name) in named
        ]
        told = _output_of(
            project, sys.executable, "-m", "tests.mutants.changes", given="\n".join(shown)
        )
        diffs = json.loads(told)
    changes = {name: judgements.change_of(name, diff) for name, diff in diffs.items()}
    return MutantResults(len(created), found, changes, diffs)


def _outcomes(file: Path) -> dict[str, str]:
    """Reads the results of mutants, by their names."""
    lines = file.read_text().splitlines() if file.exists() else []
    return dict(line.split(" ", 1) for line in lines)


def _output_of(folder: Path, *command: str, given: str = "") -> str:
    """Runs a command in a folder, and returns what it printed.

    It may take hours. Each test of a mutant has a bound of its own.
    """
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": "."},
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    ).stdout


def report(suite: Suite, found: MutantResults, judged: Mapping[MutantChange, str]) -> bool:
    """Prints the mutants that survived and are not judged, and the judgements of no mutant.

    Returns:
        Whether there are any.
    """
    unjudged = [name for name in found.survivors if found.changes[name] not in judged]
    for name in unjudged:
        entry = found.changes[name].entry(suite.name)
        sys.stdout.write(f"\n# {name}\n{found.diffs[name]}\n\n{entry}\n")
    stale = [each for each in judged if each not in found.changes.values()]
    for each in stale:
        sys.stdout.write(f"\nno mutant makes this change any more:\n{each.entry(suite.name)}\n")
    return bool(unjudged or stale)


def main() -> int:
    """Runs mutants, and prints how many of them tests noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", help=f"one or more of {', '.join(each.name for each in SUITES)}"
    )
    parser.add_argument(
        "--sample", type=int, help="run only this many of a part; the same in each run"
    )
    parser.add_argument("--seed", type=int, default=_SEED, help="the seed of another sample")
    parser.add_argument(
        "--names", nargs="+", default=["*"], help="run only mutants whose names match"
    )
    asked = parser.parse_args()
    if unknown := set(asked.parts) - {each.name for each in SUITES}:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    choice = Choice(asked.names, asked.sample, asked.seed)
    judged = judgements.read()
    failed = False
    for suite in SUITES:
        if asked.parts and suite.name not in asked.parts:
            continue
        began = time.monotonic()
        known = judged.get(suite.name, {})
        functions = [each.function for each in known]
        found = outcome(suite, functions, choice)
        counts = Counter(found.statuses.values())
        killed = sum(counts[each] for each in _KILLED)
        ran = len(found.statuses)
        sys.stdout.write(
            f"{suite.name}: {killed} of {ran} killed ({killed / ran:.0%}), of {found.created} "
            f"created, in {time.monotonic() - began:.0f} s; {dict(counts)}\n"
        )
        failed |= report(suite, found, known)
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
