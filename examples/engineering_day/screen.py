"""The output in the terminal during the day."""

import threading

from rich.console import Console, RenderableType
from rich.text import Text

from examples.engineering_day.cast import Role
from examples.engineering_day.ledger import Published

_ABOUT, _TYPE, _NAME, _TIME, _SERVICE = 10, 22, 16, 9, 24


class Screen:
    """Shows each hop on a line of at most 100 columns, however wide the terminal is.

    Args:
        console: The terminal.
        run: The prefix of all correlation ids of the day, which is not shown.
    """

    def __init__(self, console: Console, run: str) -> None:
        self._console = console
        self._run = run
        self._lock = threading.Lock()

    def say(self, text: str, style: str = "") -> None:
        """Shows a line of text."""
        self.print(Text(text, style))

    def line(self, role: Role, text: str) -> None:
        """Shows a line about a service."""
        line = Text("  ")
        line.append(role.service_id.ljust(_SERVICE), role.colour)
        line.append(text)
        self.print(line)

    def print(self, what: RenderableType) -> None:
        """Shows something at once, without output of other threads in between."""
        with self._lock:
            self._console.print(what, soft_wrap=True, highlight=False)

    def heading(self, title: str) -> None:
        """Shows the title of a scene."""
        self.print(Text(f"\n{title}", "bold"))

    def columns(self) -> None:
        """Shows the names of the columns of the hops."""
        names = Text("  ", "dim")
        names.append("about".ljust(_ABOUT + 2))
        names.append("event".ljust(_TYPE + 2))
        names.append("publisher".ljust(_NAME + 3))
        names.append("subscriber".ljust(_NAME))
        names.append("stored".rjust(_TIME) + "received".rjust(_TIME + 1))
        self.print(names)

    def stored(self, entry: Published) -> None:
        """Shows that an event is stored, if no service receives it or a filter excludes it."""
        for role in entry.filtered:
            self._hop(entry, Text(role.short_name, f"dim {role.colour}"), "filtered")
        if not entry.expected and not entry.filtered:
            self._hop(entry, Text("no subscriber", "dim"), "-")

    def received(self, entry: Published, role: Role) -> None:
        """Shows that a service has received an event."""
        took = milliseconds(entry.received_ms[role.service_id])
        self._hop(entry, Text(role.short_name, role.colour), took)

    def _hop(self, entry: Published, to: Text, received: str) -> None:
        about = entry.event["metadata"]["correlation_id"].removeprefix(f"{self._run}-")
        line = Text("  ")
        line.append(about.ljust(_ABOUT + 2))
        line.append(entry.event["type"].ljust(_TYPE + 2), entry.by.colour)
        line.append(entry.by.short_name.ljust(_NAME), entry.by.colour)
        line.append(" → ", "dim")
        to.pad_right(_NAME - len(to))
        line.append_text(to)
        stored = "..." if entry.stored_ms is None else milliseconds(entry.stored_ms)
        line.append(stored.rjust(_TIME), "dim")
        line.append(received.rjust(_TIME + 1), "dim" if received in ("filtered", "-") else "bold")
        self.print(line)


def milliseconds(value: float) -> str:
    """Formats a duration, such as `85 ms`."""
    return f"{value:.0f} ms"
