"""What commands print: tables for people, JSON for programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

Row = Mapping[str, Any]


class Output:
    """Prints answers.

    Attributes:
        as_json: Whether JSON is printed: a document, or one line for each item of a list.
    """

    def __init__(self, *, as_json: bool) -> None:
        """Prints to stdout, in colours if it is a terminal."""
        self.as_json = as_json
        self.console = Console(highlight=False)

    def document(self, document: Any) -> None:
        """Prints one document."""
        plain = _plain(document)
        if self.as_json:
            print(json.dumps(plain, ensure_ascii=False))
        else:
            self.console.print_json(data=plain)

    def rows(self, items: Iterable[Any], columns: Sequence[str]) -> None:
        """Prints a list.

        Args:
            items: Its items.
            columns: The members that a table shows; a dot leads into a member.
        """
        if self.as_json:
            for item in items:
                print(json.dumps(_plain(item), ensure_ascii=False), flush=True)
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column.upper().replace("_", " "), overflow="fold")
        for item in items:
            table.add_row(*(_cell(_plain(item), column) for column in columns))
        if table.row_count:
            self.console.print(table)
        else:
            self.console.print("nothing found", style="dim")

    def line(self, text: str, style: str = "") -> None:
        """Prints a line for people; nothing where JSON is asked for."""
        if not self.as_json:
            self.console.print(text, style=style, markup=False)


def _plain(document: Any) -> Any:
    if isinstance(document, BaseModel):
        return document.model_dump(mode="json")
    return document


def _cell(item: Any, column: str) -> str:
    value = item
    for part in column.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return "-"
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
