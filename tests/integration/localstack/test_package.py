"""The distribution `event-bus` brings a bus to a machine without Node, and keeps what it stores."""

import json
import os
import re
import sys
import zipfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from infra.built import ROOT
from localstack.package import MODULES, NAME, build
from tests.ports import free_port
from tests.processes import printed_by

CLIENT = ROOT / "clients" / "python" / "src"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel is unpacked, as an installation does it."""
    folder = tmp_path_factory.mktemp("installed")
    # A relative path, as in the guide: the wheel is built in another folder.
    with chdir(tmp_path_factory.mktemp("current")):
        wheel = build(Path("dist"))
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture
def environment(installed: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a machine that has Python alone."""
    made = {
        "HOME": str(tmp_path),
        "PATH": str(Path(sys.executable).parent),
        "PYTHONPATH": f"{installed}:{CLIENT}",
        "EVENT_BUS_LOCAL": str(tmp_path / "local"),
        "PORT": str(free_port()),
    }
    yield made
    event_bus(made, tmp_path, "local", "reset")


def event_bus(environment: dict[str, str], folder: Path, *arguments: str) -> str:
    """What `event-bus` prints."""
    return printed_by(
        *(sys.executable, "-m", "event_bus_client.cli", *arguments),
        folder=folder,
        environment={"LANG": os.environ.get("LANG", "C.UTF-8"), **environment},
        seconds=300,
    )


def reached(environment: dict[str, str]) -> dict[str, str]:
    """The environment with the address of the running bus."""
    bus = json.loads(Path(environment["EVENT_BUS_LOCAL"], "bus.json").read_text())
    return {
        **environment,
        "EVENT_BUS_URL": bus["api_url"],
        "EVENT_BUS_API_KEY": bus["admin_api_key"],
    }


def test_a_bus_starts_stops_and_restarts_without_node(
    environment: dict[str, str], tmp_path: Path
) -> None:
    event_bus(environment, tmp_path, "local", "up", "--port", environment["PORT"])
    running = reached(environment)
    event_bus(running, tmp_path, "publishers", "register", "shop", "order.*")
    sent = ("publish", "order.placed", '{"n": 1}', "--source", "shop", "--id", "shop:1")
    event_bus(running, tmp_path, *sent)
    # Once more: what is deployed is left as it is.
    event_bus(environment, tmp_path, "local", "up")
    assert json.loads(event_bus(running, tmp_path, "doctor", "--json"))["ok"]
    event_bus(environment, tmp_path, "local", "down")
    event_bus(environment, tmp_path, "local", "up")
    read = ("events", "get", "shop:1", "--json")
    found = json.loads(event_bus(reached(environment), tmp_path, *read))
    assert found["payload"] == {"n": 1}


def test_the_distribution_stands_alone(installed: Path) -> None:
    for name in MODULES:
        source = (installed / NAME / f"{name}.py").read_text()
        compile(source, name, "exec")
        assert not re.search(r"^\s*(?:from|import) (?:localstack|infra)\b", source, re.MULTILINE)
    assert not list(installed.rglob("*.so"))


def test_the_distribution_names_what_the_functions_import(installed: Path) -> None:
    [metadata] = installed.glob("event_bus-*.dist-info/METADATA")
    required = re.findall(r"^Requires-Dist: ([\w-]+)", metadata.read_text(), re.MULTILINE)
    listed = (ROOT / "layers" / "dependencies" / "requirements.in").read_text().splitlines()
    assert {each for each in listed if each and not each.startswith("#")} <= set(required)
