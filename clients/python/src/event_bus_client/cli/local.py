"""`event-bus local`: a bus on this machine."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import typer

from event_bus_client.cli.exits import Ended
from event_bus_client.cli.groups import Group
from event_bus_client.errors import ConfigurationError

app = typer.Typer(cls=Group, help="A bus on this machine, on an emulator.", no_args_is_help=True)

_INSTALLED = "event_bus_local"
_CHECKOUT = ("localstack/__main__.py", "infra/built.py", "app.py")
"""The files that mark the folder of the project."""


@app.command()
def up(
    port: int | None = typer.Option(
        None, min=1, max=65535, help="The emulator's port; by default 4566, or a free one."
    ),
) -> None:
    """Start the bus, or deploy changes to the running one.

    Deploys the distribution `event-bus` if it is installed, or else the project of the current
    folder.

    Example: event-bus local up --port 4599
    """
    _run("up", *([] if port is None else ["--port", str(port)]))


@app.command()
def down() -> None:
    """Stop the bus, and keep what it stored for the next start.

    Example: event-bus local down
    """
    _run("down")


@app.command()
def reset() -> None:
    """Stop the bus, and remove what it stored.

    Example: event-bus local reset
    """
    _run("reset")


def _run(*arguments: str) -> None:
    """Runs the program that starts and stops the bus; ends with its exit code if it fails."""
    if importlib.util.find_spec(_INSTALLED):
        command, folder, environment = [sys.executable, "-m", _INSTALLED], Path.cwd(), {}
    else:
        folder = _project(Path.cwd())
        own = folder / ".venv" / "bin" / "python"
        command = [str(own) if own.exists() else sys.executable, "-m", "localstack"]
        environment = {"PYTHONPATH": os.pathsep.join((str(folder), str(folder / "layers")))}
    # Without a bound: it shows its progress, and each of its steps has one.
    done = subprocess.run(  # noqa: S603 - its own program
        [*command, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        check=False,
    )
    if done.returncode:
        raise Ended(done.returncode)


def _project(folder: Path) -> Path:
    """Returns the folder of the project that a folder belongs to."""
    for each in (folder, *folder.parents):
        if all((each / name).is_file() for name in _CHECKOUT):
            return each
    raise ConfigurationError(
        "There is no bus to start: install the distribution event-bus, which the project builds, "
        "or go to a folder of the project."
    )
