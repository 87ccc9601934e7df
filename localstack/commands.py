"""The commands `up`, `down` and `reset` of a bus on this machine."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from localstack.bus import LocalBus
from localstack.emulator import LOG, Emulator, forget
from localstack.errors import LocalError

_console = Console()


@dataclass(frozen=True)
class Machine:
    """A bus on this machine.

    Attributes:
        directory: The folder of its files.
        deploy: Deploys the bus onto an emulator.
    """

    directory: Path
    deploy: Callable[[Emulator], LocalBus]

    @property
    def app(self) -> typer.Typer:
        """The commands."""
        app = typer.Typer(
            help="The event bus on this machine.", no_args_is_help=True, add_completion=False
        )
        for command in (self.up, self.down, self.reset):
            app.command()(command)
        return app

    @property
    def bus_file(self) -> Path:
        """The file in which other programs find the running bus."""
        return self.directory / "bus.json"

    def up(
        self,
        port: Annotated[
            int | None,
            typer.Option(
                help="The emulator's port; by default 4566, or a free one.", min=1, max=65535
            ),
        ] = None,
    ) -> None:
        """Start the emulator and deploy the bus, or deploy changes to the running one."""
        try:
            bus = self._up(port)
        except LocalError as error:
            _console.print(str(error), style="red", markup=False, highlight=False)
            raise typer.Exit(1) from None
        bus.write(self.bus_file)
        self._show(bus)

    def down(self) -> None:
        """Stop the bus and the emulator, and keep what they stored for the next start."""
        if self._stop():
            _console.print("The bus is stopped. What it stored is kept until you reset it.")
        else:
            _console.print("The bus is not running.")

    def reset(self) -> None:
        """Stop the bus and the emulator, and remove what they stored."""
        self._stop()
        forget(self.directory)
        _console.print("What the bus stored is removed.")

    def _stop(self) -> bool:
        """Stops the emulator; returns False if none runs."""
        self.bus_file.unlink(missing_ok=True)
        emulator = Emulator.find(self.directory)
        if emulator is None:
            return False
        with _console.status("Stopping the emulator"):
            emulator.stop()
        return True

    def _up(self, port: int | None) -> LocalBus:
        running = Emulator.find(self.directory)
        if running is not None and port not in (None, running.port):
            raise LocalError(f"The bus runs on port {running.port} already; stop it first.")
        with _console.status("Starting the emulator"):
            emulator = running or Emulator.start(self.directory, port, kept=True, detached=True)
        _console.print(f"The emulator runs on port {emulator.port}.")
        try:
            with _console.status("Deploying the bus"):
                return self.deploy(emulator)
        except BaseException:
            if running is None:
                emulator.stop()
            raise

    def _show(self, bus: LocalBus) -> None:
        table = Table(show_header=False, box=None, title="The bus is ready", title_justify="left")
        table.add_row("API", bus.api_url)
        table.add_row("WebSocket", bus.websocket_url)
        table.add_row("Admin key", bus.admin_api_key)
        table.add_row("AWS endpoint", bus.endpoint_url)
        table.add_row("Everything", _relative(self.bus_file))
        table.add_row("Log", _relative(self.directory / LOG))
        _console.print(table, soft_wrap=True, highlight=False)


def _relative(file: Path) -> str:
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
