"""Assembles the files of functions and layers on this machine, without a container."""

import compileall
import platform
import py_compile
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from event_bus.targets.registry import TARGETS

from infra.built import BUILT, ROOT, files_of, fingerprint, made_once
from infra.deployment_target import AWS, EMULATOR, DeploymentTarget

LAMBDA_PYTHON = "3.13"
"""The version of Lambda's interpreter."""

_LOCK = ROOT / "layers" / "dependencies" / "requirements.txt"
_SERVICE = ROOT / "layers" / "event_bus"
_FUNCTIONS = ROOT / "functions"
# Lambda refuses a function that, unpacked with its layers, exceeds 250 MB.
_SIZE_LIMIT = 100 * 1024 * 1024
# How long a program may take to install the packages, even over a slow network.
_INSTALL_SECONDS = 900.0
_LEFT_OUT = ("__pycache__", "tests", "bin")
AWS_SERVICES = (
    *("apigatewaymanagementapi", "cloudwatch", "dynamodb", "kms", "s3", "secretsmanager", "sqs"),
    "sts",
    *(each.grants.resources.client for each in TARGETS.all() if each.grants.resources),
)
"""The AWS services for which functions have clients."""


class BundlingError(Exception):
    """A layer cannot be assembled."""


def service_layer(target: DeploymentTarget) -> Path:
    """Returns the layer with the service itself.

    Args:
        target: The deployment target: bytecode depends on the interpreter.

    Returns:
        A folder that holds `python/event_bus`.
    """

    def fill(layer: Path) -> None:
        left_out = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(_SERVICE, layer / "python" / _SERVICE.name, ignore=left_out)
        _compile(layer, target)

    name = f"event_bus-{_suffix(target, _SERVICE)}"
    return made_once(BUILT / "layers" / name, fill)


def function_code(folder: str) -> Path:
    """Returns the code of a function.

    Lambda calls `handler.handler`. The other modules have the names that they have here, such as
    `functions.registry.schemas`.

    Args:
        folder: Its folder under `functions/`.

    Returns:
        A folder with the handler, and with `functions` if there are modules beside the handler.
    """
    source = _FUNCTIONS / folder

    def fill(code: Path) -> None:
        for file in source.glob("*.py"):
            place = code if file.name == "handler.py" else code / "functions" / folder
            place.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place / file.name)

    name = f"{folder}-{fingerprint(files_of(source, Path(__file__)))}"
    return made_once(BUILT / "functions" / name, fill)


def dependencies_layer(target: DeploymentTarget) -> Path:
    """Returns the layer with the packages that the functions import.

    Args:
        target: The deployment target: packages contain machine code.

    Returns:
        A folder that holds `python` and in it the packages.

    Raises:
        BundlingError: The packages cannot be installed, or are too large.
    """

    def fill(layer: Path) -> None:
        _install(layer / "python", target)
        for name in _LEFT_OUT:
            for found in list(layer.rglob(name)):
                shutil.rmtree(found)
        _keep_services(layer / "python" / "botocore" / "data")
        _compile(layer, target)
        size = sum(file.stat().st_size for file in layer.rglob("*") if file.is_file())
        if size > _SIZE_LIMIT:
            raise BundlingError(f"The dependencies take {size} bytes, more than {_SIZE_LIMIT}.")

    name = f"dependencies-{_suffix(target, _LOCK, *map(str.encode, AWS_SERVICES))}"
    return made_once(BUILT / "layers" / name, fill)


def _keep_services(descriptions: Path) -> None:
    # botocore's descriptions of 400 services are five times as large as the rest of the layer.
    for found in descriptions.iterdir():
        if found.is_dir() and found.name not in AWS_SERVICES:
            shutil.rmtree(found)


def _suffix(target: DeploymentTarget, source: Path, *further: bytes) -> str:
    place = "lambda" if target.lambda_runtime else "emulator"
    parts = (*files_of(source, Path(__file__)), *further)
    return f"{place}-{sys.implementation.cache_tag}-{fingerprint(parts)}"


def brings_bytecode(target: DeploymentTarget) -> bool:
    """Returns whether this interpreter writes bytecode that the functions can use.

    Args:
        target: The deployment target.
    """
    return not target.lambda_runtime or platform.python_version().startswith(f"{LAMBDA_PYTHON}.")


def _compile(layer: Path, target: DeploymentTarget) -> None:
    # A layer is read-only, so without bytecode every cold start would compile it again.
    if not brings_bytecode(target):
        return
    # Beside the sources, even if this process keeps its own elsewhere.
    prefix, sys.pycache_prefix = sys.pycache_prefix, None
    try:
        compileall.compile_dir(
            layer,
            quiet=2,
            stripdir=str(layer),
            prependdir="/opt",
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    finally:
        sys.pycache_prefix = prefix


def _install(folder: Path, target: DeploymentTarget) -> None:
    """Installs the locked packages into a folder: by uv in seconds, or by pip where uv fails."""
    failures = []
    for command in (_uv(target), _pip(target)):
        if command:
            command += ["--quiet", "--require-hashes", "--requirement", str(_LOCK)]
            command += ["--target", str(folder)]
            if (failure := _failure_of(command)) is None:
                return
            failures.append(failure)
            shutil.rmtree(folder, ignore_errors=True)
    raise BundlingError("\n".join(["The dependencies cannot be installed:", *failures]))


def _failure_of(command: list[str]) -> str | None:
    """Runs a program that installs, and returns why it failed; None if it did not."""
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"`{shlex.join(command)}` did not end within {_INSTALL_SECONDS:g} s and was killed"
    return done.stderr.strip() if done.returncode else None


def _uv(target: DeploymentTarget) -> list[str]:
    uv = shutil.which("uv")
    if not uv:
        return []
    command = [uv, "pip", "install", "--python", sys.executable]
    if target.lambda_runtime:
        command += ["--only-binary=:all:", "--python-version", LAMBDA_PYTHON]
        command += ["--python-platform", "aarch64-manylinux_2_28"]
    return command


def _pip(target: DeploymentTarget) -> list[str]:
    command = [sys.executable, "-m", "pip", "install", "--no-compile", "--no-warn-script-location"]
    if target.lambda_runtime:
        command += ["--only-binary=:all:", "--python-version", LAMBDA_PYTHON]
        command += ["--platform", "manylinux2014_aarch64", "--platform", "manylinux_2_28_aarch64"]
        command += ["--implementation", "cp"]
    return command


if __name__ == "__main__":
    for target in (AWS, EMULATOR):
        dependencies_layer(target)
