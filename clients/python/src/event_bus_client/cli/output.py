"""The output of commands: tables for people, JSON for programs."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from event_bus_client.cli.terminal import PipedConsole, needs_escapes

_WIDE = 1_000


class Output:
    """Prints answers.

    Colours are left out if stdout is not a terminal, or if `NO_COLOR` is set.

    Attributes:
        as_json: Whether JSON is printed: a document, or one line for each item of a list.
        console: Prints for people.
    """

    def __init__(self, *, as_json: bool) -> None:
        """Prints to stdout."""
        self.as_json = as_json
        # A program or a file gets each item on a line of its own, however long.
        width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDE
        self.console = PipedConsole(highlight=False, width=width)

    def document(self, document: Any) -> None:
        """Prints one document."""
        if self.as_json:
            self.item(document)
        else:
            self.console.print_json(data=plain(document), ensure_ascii=needs_escapes(sys.stdout))

    def item(self, document: Any) -> None:
        """Prints one document as a line of JSON."""
        print(json.dumps(plain(document), ensure_ascii=needs_escapes(sys.stdout)), flush=True)

    def rows(self, items: Iterable[Any], columns: Sequence[str]) -> None:
        """Prints a list.

        Args:
            items: Its items.
            columns: The members that a table shows; a dot leads into a member.
        """
        if self.as_json:
            for item in items:
                self.item(item)
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            name = column.rpartition(".")[2].upper().replace("_", " ")
            # Ids are copied into the next command: they stay in one piece.
            table.add_column(name, overflow="fold", no_wrap=column.endswith("id"))
        for item in items:
            table.add_row(*(Text(_cell(plain(item), column)) for column in columns))
        if table.row_count:
            self.console.print(table)
        else:
            self.console.print("nothing found", style="dim")

    def line(self, text: str, style: str = "") -> None:
        """Prints a line for people; nothing if JSON is asked for."""
        if not self.as_json:
            self.console.print(text, style=style, markup=False, soft_wrap=True)

    def show(self, shown: RenderableType, document: Any) -> None:
        """Prints something drawn for people, or the document that it shows."""
        if self.as_json:
            self.item(document)
        else:
            self.console.print(shown)


def plain(document: Any) -> Any:
    """Returns a document as the bus answered it."""
    if isinstance(document, BaseModel):
        return document.model_dump(mode="json", exclude_unset=True)
    return document


def _cell(item: Any, column: str) -> str:
    value = item
    for part in column.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return "-"
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
