"""Generates the reference of `event-bus` from the program: `python -m website.command_line`.

It writes the page of all commands, and the JSON Schema of the file of `event-bus apply`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from event_bus.api.openapi import read_document
from event_bus_client.cli.bus_file.schema import file_schema
from event_bus_client.cli.main import app
from typer.main import get_command

from infra.built import ROOT

PAGE = ROOT / "docs" / "reference" / "command-line.md"
SCHEMA = ROOT / "docs" / "reference" / "bus-file.schema.json"

_HEAD = (
    "# Command line",
    "",
    "Every command of `event-bus`, with its arguments and options. "
    "[Use the command line](../how-to/use-the-command-line.md) shows what they are for. "
    "This page is made from the program, as `event-bus --help` shows it.",
    "",
    "## Options of every command",
    "",
    "Write these before the command. `--json` may also follow it.",
    "",
)


def made() -> dict[Path, str]:
    """Returns the content of each file."""
    schema = json.dumps(file_schema(read_document()), indent=2, ensure_ascii=False)
    return {PAGE: commands_page(), SCHEMA: schema + "\n"}


def commands_page() -> str:
    """Returns the page of all commands."""
    lines = [*_HEAD, *_options(get_command(app))]
    for names, command in commands():
        said, example = _help(command)
        lines += ["", f"## event-bus {' '.join(names)}", "", *said, ""]
        lines += ["```sh", example, "```"]
        table = _options(command)
        if table:
            lines += ["", *table]
    return "\n".join(lines) + "\n"


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yields every command, by its names, such as `("events", "list")`."""
    return _below(get_command(app), ())


def _below(command: Any, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield names, command
        return
    for name, child in children.items():
        yield from _below(child, (*names, name))


def _help(command: Any) -> tuple[list[str], str]:
    """Returns the paragraphs of a command's help, and its example."""
    paragraphs = [" ".join(each.split()) for each in str(command.help).split("\n\n")]
    said = [each for each in paragraphs if not each.startswith("Example: ")]
    [example] = [each.removeprefix("Example: ") for each in paragraphs if each not in said]
    return [line for each in said for line in (each, "")][:-1], example


def _options(command: Any) -> list[str]:
    """Returns a table of arguments and options."""
    rows: list[str] = []
    for each in command.params:
        if each.name in ("install_completion", "show_completion"):
            continue
        if each.param_type_name == "argument":
            name = each.metavar or each.name.upper()
        else:
            name = ", ".join([*each.opts, *each.secondary_opts])
        said = " ".join(str(getattr(each, "help", None) or "").split())
        # A command asks for an option that has a prompt.
        required = "yes" if each.required and not getattr(each, "prompt", None) else ""
        rows.append(f"| `{name}` | {said} | {required} |".replace("|  |", "| |"))
    if not rows:
        return []
    return ["| Argument or option | Meaning | Required |", "|---|---|---|", *rows]


def main() -> None:
    """Writes the files."""
    for file, text in made().items():
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
