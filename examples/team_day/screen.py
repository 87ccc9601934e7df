"""What the terminal shows: each hop with its time, then the figures."""

from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from examples.team_day.cast import CAST
from examples.team_day.summary import Summary

_COLOURS = {service.id: service.colour for service in CAST}


class Screen:
    """Writes to the terminal."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)

    def say(self, text: str) -> None:
        """A line of the story."""
        self._console.print(f"\n[bold]{text}[/bold]")

    def note(self, text: str) -> None:
        """A line beside it."""
        self._console.print(f"[dim]{text}[/dim]")

    def fault(self, text: str) -> None:
        """What is wrong."""
        self._console.print(text, style="bold red", markup=False)

    def published(self, service_id: str, event: dict[str, Any], at: float, taken: float) -> None:
        """An event was published at a time, and stored within some seconds."""
        self._hop(at, service_id, f"published  {event['type']:<22}  stored in {_ms(taken)}")

    def received(self, service_id: str, event: dict[str, Any], at: float, taken: float) -> None:
        """A service received an event at a time, some seconds after it was published."""
        told = f"{_ms(taken)} after publish, signed"
        self._hop(at, service_id, f"received   {event['type']:<22}  {told}")

    def followed(self, events: list[dict[str, Any]]) -> None:
        """The events of one task, as the bus tells them."""
        table = Table("event", "published by", "delivered to", box=None, pad_edge=False)
        for event in events:
            taken = ", ".join(each["service_id"] for each in event["deliveries"])
            table.add_row(event["type"], event["source"], taken or "-")
        self._console.print(table)

    def figures(self, summary: Summary) -> None:
        """The figures of the day."""
        table = Table(show_header=False, box=None, pad_edge=False)
        for name, figure in summary.figures():
            table.add_row(name, figure)
        self._console.print(table)

    def _hop(self, at: float, service_id: str, told: str) -> None:
        clock = datetime.fromtimestamp(at).strftime("%H:%M:%S.%f")[:-3]
        colour = _COLOURS[service_id]
        self._console.print(
            f"[dim]{clock}[/dim]  [{colour}]{service_id:<22}[/{colour}]  {told}", soft_wrap=True
        )


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"
