"""The package is built, and works where it alone is installed."""

import os
import re
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.processes import printed_by

PROJECT = Path(__file__).parents[3] / "clients" / "python"
OF_THE_BUS = "from importlib.util import find_spec; assert find_spec('event_bus') is None;"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the package and nothing else of the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    # By way of the source distribution, as an installer without the wheel does it.
    build(PROJECT, "sdist", folder)
    [source] = folder.glob("*.tar.gz")
    printed_by("tar", "xzf", source, folder=folder)
    [unpacked] = (each for each in folder.iterdir() if each.is_dir())
    build(unpacked, "wheel", folder)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def build(project: Path, target: str, folder: Path) -> None:
    building = (sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder)
    printed_by(*building, folder=project, seconds=300)


def run(installed: Path, code: str) -> str:
    """What a program prints that sees the package alone."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    program = (sys.executable, "-c", OF_THE_BUS + code)
    return printed_by(*program, folder=installed, environment=environment, seconds=300)


def test_the_wheel_holds_the_client(installed: Path) -> None:
    names = {each.name for each in (installed / "event_bus_client").iterdir()}
    assert "py.typed" in names
    run(
        installed,
        "import event_bus_client, sys; assert 'installed' in event_bus_client.__file__;"
        "assert not {'boto3', 'typer', 'fastapi', 'websockets', 'orjson'} & set(sys.modules)",
    )


def test_the_wheel_holds_the_rules_of_the_bus(installed: Path) -> None:
    copied = installed / "event_bus_client" / "_bus"
    bus = PROJECT.parents[1] / "layers" / "event_bus"
    assert {each.name for each in copied.glob("matching/*.py")} == {
        each.name for each in (bus / "matching").glob("*.py")
    }
    printed = run(
        installed,
        "from event_bus_client._bus.matching.filters import SubscriptionFilter as Filter;"
        "found = Filter(['order.*'], {'order.placed': {'total': [{'numeric': ['>=', 100]}]}});"
        "print([found.matches('order.placed', 's', {'total': n}, {}) for n in (99, 100)])",
    )
    assert printed == "[False, True]\n"
    shims = PROJECT / "src" / "event_bus_client" / "_bus"
    places = [each.relative_to(shims) for each in shims.glob("**/*.py")]
    for place in places:
        assert "from event_bus." not in (copied / place).read_text(), place
        assert place.name == "__init__.py" or (bus / place).exists(), place
    modules = [f"event_bus_client._bus.{str(each)[:-3].replace('/', '.')}" for each in places]
    run(installed, f"from importlib import import_module; [*map(import_module, {modules})]")


def test_copied_rules_are_checked_for_the_python_of_the_client() -> None:
    root = PROJECT.parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text())
    checked_by_ruff = project["tool"]["ruff"]["per-file-target-version"]
    checked_by_mypy = (root / "Makefile").read_text().partition("CLIENT :=")[2].partition("LINT")[0]
    hook = (PROJECT / "hatch_build.py").read_text()
    copied = re.findall(r'^    "([\w/*.]+)",$', hook, re.MULTILINE)
    assert len(copied) > 5
    for each in copied:
        name = each.replace("/*.py", "/**")
        assert checked_by_ruff[f"layers/event_bus/{name}"] == "py310", each
        assert each.replace("/*.py", "").rpartition("/")[2] in checked_by_mypy, each


def test_the_wheel_holds_receivers(installed: Path) -> None:
    printed = run(
        installed,
        "from event_bus_client import Event, Receiver; receiver = Receiver();"
        "receiver.on('order.*')(lambda event: print(event.id));"
        "made = dict(id='e1', type='order.placed', source='s', timestamp=0, payload={});"
        "receiver.handle(Event(**made)); receiver.handle(Event(**made))",
    )
    assert printed == "e1\n"
