"""`python -m localstack up`, `down` and `reset`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.built import ROOT
from localstack.bus import LocalBus
from localstack.deployment import deploy
from localstack.emulator import LOG, Emulator, forget
from localstack.errors import LocalError

DIRECTORY = ROOT / ".local"
"""The folder of the local environment's files."""

BUS_FILE = DIRECTORY / "bus.json"
"""The file in which other programs find the running bus."""

app = typer.Typer(help="The event bus on this machine.", no_args_is_help=True, add_completion=False)
_console = Console()


@app.command()
def up(
    port: Annotated[
        int | None,
        typer.Option(help="The emulator's port; by default 4566, or a free one.", min=1, max=65535),
    ] = None,
) -> None:
    """Start the emulator and deploy the bus onto it; where it runs already, deploy what changed."""
    try:
        bus = _up(port)
    except LocalError as error:
        _console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None
    bus.write(BUS_FILE)
    _show(bus)


@app.command()
def down() -> None:
    """Stop the bus and the emulator, and keep what they stored for the next start."""
    if _stop():
        _console.print("The bus is stopped. What it stored is kept; begin anew with: make reset")
    else:
        _console.print("The bus is not running.")


@app.command()
def reset() -> None:
    """Stop the bus and the emulator, and remove what they stored."""
    _stop()
    forget(DIRECTORY)
    _console.print("What the bus stored is removed.")


def _stop() -> bool:
    """Stops the emulator; returns False if none runs."""
    BUS_FILE.unlink(missing_ok=True)
    emulator = Emulator.find(DIRECTORY)
    if emulator is None:
        return False
    with _console.status("Stopping the emulator"):
        emulator.stop()
    return True


def _up(port: int | None) -> LocalBus:
    running = Emulator.find(DIRECTORY)
    if running is not None and port not in (None, running.port):
        raise LocalError(f"The bus runs on port {running.port} already; stop it with: make down")
    with _console.status("Starting the emulator"):
        emulator = running or Emulator.start(DIRECTORY, port, kept=True)
    _console.print(f"The emulator runs on port {emulator.port}.")
    try:
        with _console.status("Deploying the bus"):
            return deploy(emulator)
    except BaseException:
        if running is None:
            emulator.stop()
        raise


def _show(bus: LocalBus) -> None:
    table = Table(show_header=False, box=None, title="The bus is ready", title_justify="left")
    table.add_row("API", bus.api_url)
    table.add_row("WebSocket", bus.websocket_url)
    table.add_row("Admin key", bus.admin_api_key)
    table.add_row("AWS endpoint", bus.endpoint_url)
    table.add_row("Everything", _relative(BUS_FILE))
    table.add_row("Log", _relative(DIRECTORY / LOG))
    _console.print(table, soft_wrap=True, highlight=False)


def _relative(file: Path) -> str:
    return str(file.relative_to(ROOT))
