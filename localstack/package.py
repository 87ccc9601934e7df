"""Builds the distribution `event-bus`: `python -m localstack.package FOLDER`.

It holds the synthesised app and what starts the emulator, so that a laptop needs neither Node nor
the CDK. The functions import their packages from where the distribution is installed: they are its
dependencies, in the versions of the lock, and the layer of dependencies stays empty.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

from event_bus.version import VERSION

from infra.built import ROOT
from infra.cors import cors
from infra.settings import LOCAL
from localstack import programs
from localstack.assembly import assembly
from localstack.errors import LocalError

NAME = "event_bus_local"
"""The package of the distribution."""

MODULES = (
    *("batching_windows", "bus", "commands", "emulator", "emulator_process", "enforcement"),
    *("errors", "function_processes", "function_output", "http_server", "ministack_costs"),
    *("ministack_process", "opening", "packaged", "ports", "process_template", "stacks"),
)
"""The modules of this package that the distribution has."""

_FURTHER = (
    *("event-bus-client", "httptools", "httpx", "ministack", "psutil", "rich", "typer"),
    *("uvicorn", "wsproto"),
)
_LAYER = ROOT / "layers" / "dependencies" / "requirements.in"
_LONGEST_SECONDS = 600.0
_DEPENDENCIES = "Layers/Dependencies/Code"
_MAIN = '''"""`python -m event_bus_local up`, `down` and `reset`."""

from event_bus_local.packaged import machine

machine.app(prog_name="event-bus local")
'''


def build(folder: Path) -> Path:
    """Builds the wheel.

    Args:
        folder: Where it is put; a relative path begins at the current folder.

    Returns:
        The wheel.

    Raises:
        LocalError: It cannot be built.
    """
    folder = folder.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch)
        _fill(project / NAME)
        (project / "pyproject.toml").write_text(_project())
        (project / "README.md").write_text(
            "The Event Bus Service on this machine: `event-bus local up`.\n"
        )
        done = programs.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
            "The build of the wheel (hatchling)",
            _LONGEST_SECONDS,
            cwd=project,
            capture_output=True,
        )
    if done.returncode:
        raise LocalError(f"The wheel cannot be built:\n{done.stdout}{done.stderr}")
    [wheel] = folder.glob("event_bus-*.whl")
    return wheel


def _fill(package: Path) -> None:
    """Writes the package: its modules, the assembly, and what only the repository knows."""
    package.mkdir()
    (package / "__init__.py").write_text('"""The event bus on this machine."""\n')
    (package / "__main__.py").write_text(_MAIN)
    for name in MODULES:
        source = Path(__file__).with_name(f"{name}.py").read_text()
        renamed = re.sub(r"\b(from|import) localstack\b", rf"\1 {NAME}", source)
        (package / f"{name}.py").write_text(renamed)
    (package / "setup.json").write_text(json.dumps({"stage": LOCAL, "cors": cors(["*"])}))
    synthesised = assembly()
    left_out = shutil.ignore_patterns("__pycache__", ".cache", "tree.json", "*.metadata.json")
    shutil.copytree(synthesised, package / "assembly", ignore=left_out)
    _empty_dependencies(package / "assembly")


def _empty_dependencies(copied: Path) -> None:
    """Leaves the layer of dependencies empty."""
    for manifest in copied.glob("*.assets.json"):
        for file in json.loads(manifest.read_text())["files"].values():
            layer = copied / file["source"]["path"]
            if file.get("displayName") == _DEPENDENCIES and layer.is_dir():
                shutil.rmtree(layer)
                (layer / "python").mkdir(parents=True)
                (layer / "python" / "README").write_text("The packages are those of the machine.\n")


def _project() -> str:
    """Returns the `pyproject.toml` of the distribution."""
    listed = _LAYER.read_text().splitlines()
    names = [each for each in listed if each and not each.startswith("#")]
    lines = "".join(f"    {json.dumps(_pinned(each))},\n" for each in sorted({*names, *_FURTHER}))
    return f"""[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "event-bus"
version = "{VERSION}"
description = "The Event Bus Service on this machine"
readme = "README.md"
requires-python = ">=3.11"
license = "Apache-2.0"
dependencies = [
{lines}]

[tool.hatch.build.targets.wheel]
packages = ["{NAME}"]
artifacts = ["{NAME}/**"]
"""


def _pinned(name: str) -> str:
    """Returns the requirement of a package in the version of the lock.

    The client has no version in the lock; it is required with its command line.
    """
    if name == "event-bus-client":
        return "event-bus-client[cli]"
    lock = (ROOT / "requirements.lock").read_text()
    found = re.search(rf"^{re.escape(name)}==([^ \\;]+)", lock, re.MULTILINE)
    if found is None:
        raise LocalError(f"requirements.lock has no {name}.")
    return f"{name}=={found[1]}"


def main() -> None:
    """Runs the command, and prints the path of the wheel."""
    parser = argparse.ArgumentParser(prog="python -m localstack.package", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the wheel is put")
    asked = parser.parse_args()
    try:
        sys.stdout.write(f"{build(asked.folder)}\n")
    except LocalError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
