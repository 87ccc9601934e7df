"""Changes the code in small ways, and shows which changes no test notices.

`python -m tests.mutants access` runs the mutants of one part, `--tenth 3` every tenth of them. They
are made and run by mutmut in a copy of the project: each meets the tests that call its function.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path

from infra.built import ROOT
from tests.mutants.suites import SUITES, Suite

_COPIED = ("tests", "infra", "localstack", "functions", "docs", "app.py", "cdk.json", "README.md")
_JUDGED = Path(__file__).with_name("judged.toml")
_STATUS = re.compile(r"^\s+(\S+__mutmut_\d+): (.+)$", re.MULTILINE)
_KILLED = ("killed", "timeout", "suspicious", "segfault", "caught by type check")


def laid_out(suite: Suite, project: Path) -> None:
    """Copies the project to where mutmut finds packages under their own names."""
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
        f'pytest_add_cli_args = ["-p", "no:cacheprovider"]\n'
        f"pytest_add_cli_args_test_selection = {tests}\n"
    )


def statuses(suite: Suite, tenth: int | None) -> dict[str, str]:
    """Runs the mutants of a part, and returns the result of each."""
    chosen = () if tenth is None else (f"*__mutmut_*{tenth}",)
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch, "project")
        project.mkdir()
        laid_out(suite, project)
        environment = {**os.environ, "PYTHONPATH": "."}
        ran = subprocess.run(
            ["mutmut", "run", *chosen],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        told = subprocess.run(
            ["mutmut", "results", "--all", "true"],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        ).stdout
    found = {name: status for name, status in _STATUS.findall(told) if status != "not checked"}
    if ran.returncode or not found:
        # What was run until then would be a score of nothing.
        raise RuntimeError(f"mutmut ended early:\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}")
    return found


def main() -> int:
    """Runs the mutants that were asked for, and says which survived unjudged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(each.name for each in SUITES)}")
    parser.add_argument("--tenth", type=int, choices=range(10), help="run every tenth mutant")
    asked = parser.parse_args()
    judged = tomllib.loads(_JUDGED.read_text())
    failed = False
    for suite in SUITES:
        if asked.parts and suite.name not in asked.parts:
            continue
        began = time.monotonic()
        found = statuses(suite, asked.tenth)
        counts = Counter(found.values())
        killed = sum(counts[each] for each in _KILLED)
        sys.stdout.write(
            f"{suite.name}: {killed} of {len(found)} killed ({killed / len(found):.0%}) in "
            f"{time.monotonic() - began:.0f} s; {dict(counts)}\n"
        )
        for name, status in found.items():
            if status not in _KILLED and name not in judged.get(suite.name, {}):
                failed = True
                sys.stdout.write(f"  {status}: {name}\n")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
