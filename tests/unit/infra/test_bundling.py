"""Layers hold what functions import, built for where they run."""

import platform
import re
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from event_bus.targets.registry import TARGETS

from infra import bundling
from infra.built import ROOT, files_of, fingerprint, made_once
from infra.bundling import AWS_SERVICES, dependencies_layer, function_code, service_layer
from infra.deployment_target import AWS, EMULATOR, DeploymentTarget

_AARCH64 = 183


def machine_code(layer: Path) -> list[str]:
    # The stable ABI (abi3) is that of every version.
    return [file.name for file in layer.rglob("*.so") if ".abi3." not in file.name]


def machines(layer: Path) -> set[int]:
    """The processors of what is machine code, as ELF numbers them (`e_machine`)."""
    return {
        int.from_bytes(file.read_bytes()[18:20], "little")
        for file in layer.rglob("*.so")
        if file.read_bytes()[:4] == b"\x7fELF"
    }


def test_the_service_is_importable_and_nothing_else_is_there() -> None:
    python = service_layer(AWS) / "python"
    assert [entry.name for entry in python.iterdir()] == ["event_bus"]
    assert (python / "event_bus" / "settings.py").is_file()


def test_a_function_has_its_handler_and_the_modules_beside_it() -> None:
    code = function_code("registry")
    files = {str(file.relative_to(code)) for file in code.rglob("*") if file.is_file()}
    modules = {file.name for file in (ROOT / "functions" / "registry").glob("*.py")}
    assert modules > {"handler.py", "schemas.py"}
    beside = {f"functions/registry/{name}" for name in modules - {"handler.py"}}
    assert files == {"handler.py", *beside}


@pytest.mark.parametrize("layer", [service_layer, dependencies_layer])
def test_a_layer_brings_the_bytecode_of_the_interpreter_that_runs_it(
    layer: Callable[[DeploymentTarget], Path],
) -> None:
    tags = {file.name.split(".")[-2] for file in layer(EMULATOR).rglob("*.pyc")}
    assert tags == {sys.implementation.cache_tag}
    tags = {file.name.split(".")[-2] for file in layer(AWS).rglob("*.pyc")}
    assert tags <= {"cpython-313"}


def test_dependencies_for_aws_are_built_for_lambda() -> None:
    names = machine_code(dependencies_layer(AWS))
    assert names
    assert all("313-aarch64" in name for name in names)
    assert machines(dependencies_layer(AWS)) == {_AARCH64}


def test_dependencies_for_the_emulator_are_built_for_this_machine() -> None:
    names = machine_code(dependencies_layer(EMULATOR))
    assert names
    assert all(platform.machine() in name or "darwin" in name for name in names)


@pytest.mark.parametrize("target", [AWS, EMULATOR])
def test_dependencies_are_those_the_functions_import(target: DeploymentTarget) -> None:
    python = dependencies_layer(target) / "python"
    for package in ("aws_lambda_powertools", "cryptography", "orjson", "pydantic", "ulid"):
        assert (python / package).is_dir(), package
    # The runtime's own would change without notice.
    for package in ("boto3", "botocore", "urllib3"):
        assert (python / package).is_dir(), package


@pytest.mark.parametrize("target", [AWS, EMULATOR])
def test_the_layer_describes_every_service_that_has_a_client(target: DeploymentTarget) -> None:
    data = dependencies_layer(target) / "python" / "botocore" / "data"
    described = {each.name for each in data.iterdir() if each.is_dir()}
    assert described == set(AWS_SERVICES)
    made = {
        *re.findall(r'(?:boto3\.client|_Later)\(\s*"([a-z0-9]+)"', sources()),
        *(each.grants.resources.client for each in TARGETS.all() if each.grants.resources),
    }
    assert made == described


def sources() -> str:
    """The code that runs in functions."""
    files = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers" / "event_bus").rglob("*.py")]
    # The command that verifies the audit log runs on an operator's machine.
    return "\n".join(file.read_text() for file in files if file.name != "__main__.py")


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    calls: list[Path] = []

    def make(folder: Path) -> None:
        calls.append(folder)
        folder.mkdir()
        (folder / "file").touch()

    first = made_once(tmp_path / "made", make)
    second = made_once(tmp_path / "made", make)
    assert first == second
    assert len(calls) == 1
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".made.lock", "made"]


def test_nothing_is_left_of_a_folder_that_could_not_be_made(tmp_path: Path) -> None:
    def make(folder: Path) -> None:
        folder.mkdir()
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        made_once(tmp_path / "made", make)
    assert [entry.name for entry in tmp_path.iterdir()] == [".made.lock"]


def test_who_wants_a_folder_that_is_being_made_waits_for_it(tmp_path: Path) -> None:
    making, made = threading.Event(), []

    def make(folder: Path) -> None:
        making.set()
        # Long enough for the other to begin, too, if nothing held it back.
        time.sleep(0.1)
        made.append(folder)
        folder.mkdir()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(made_once, tmp_path / "made", make)
        assert making.wait(10)
        second = pool.submit(made_once, tmp_path / "made", make)
        assert first.result() == second.result()
    assert len(made) == 1


def test_an_installation_that_hangs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = [sys.executable, "-c", "import time; time.sleep(300)"]
    monkeypatch.setattr(bundling, "_INSTALL_SECONDS", 0.1)
    monkeypatch.setattr(bundling, "_uv", lambda _: [*hanging])
    monkeypatch.setattr(bundling, "_pip", lambda _: [*hanging])
    with pytest.raises(bundling.BundlingError) as failed:
        bundling._install(tmp_path / "layer", EMULATOR)
    [uv, pip] = str(failed.value).splitlines()[1:]
    assert uv == pip
    assert uv.startswith(f"`{sys.executable} -c ")
    assert uv.endswith("` did not end within 0.1 s and was killed")


def test_fingerprints_tell_parts_apart() -> None:
    assert fingerprint([b"ab", b"c"]) != fingerprint([b"a", b"bc"])
    assert fingerprint([b"ab"]) == fingerprint([b"ab"])
    assert list(files_of(Path(__file__))) == list(files_of(Path(__file__)))
