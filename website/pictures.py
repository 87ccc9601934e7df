"""Terminal pictures for the docs: what a real run has printed, as SVG.

`tests/end_to_end/test_command_line.py` runs the commands on a deployed bus. With
`EVENT_BUS_PICTURES=new` it writes the pictures again; otherwise it compares them with its own run.
"""

import os
import re
from pathlib import Path
from xml.etree.ElementTree import fromstring

from rich.console import Console
from rich.text import Text

from infra.built import ROOT

FOLDER = ROOT / "docs" / "assets" / "terminal"
VARIABLE = "EVENT_BUS_PICTURES"
WIDTH = 100

_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
_CHANGING = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"\b(dl|sub|rpl|evt|ebk)_[0-9A-Za-z]+"), "ID"),
    (re.compile(r"https?://[\w.:/-]+"), "URL"),
    (re.compile(r"\d+(\.\d+)?"), "0"),
)
"""The parts of the output that differ from run to run."""


def picture(command: str, printed: str) -> str:
    """Draws a terminal.

    Args:
        command: The command that was typed.
        printed: What it printed, with its colours.
    """
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        console.print(Text.assemble(("$ ", "dim"), (command, "bold")))
        console.print(Text.from_ansi(printed.rstrip()))
        drawn = console.export_svg(title="event-bus", unique_id="terminal")
    # A picture fetches nothing: the reader's own font is used.
    return _FONT.sub("", drawn)


def shape(svg: str) -> list[str]:
    """Returns the lines of a picture, without what differs from run to run."""
    lines: dict[float, list[tuple[float, str]]] = {}
    root = fromstring(svg)  # noqa: S314 - a picture of our own
    for each in root.iter("{http://www.w3.org/2000/svg}text"):
        if "clip-path" in each.attrib:
            place = float(each.attrib["y"]), float(each.attrib["x"])
            lines.setdefault(place[0], []).append((place[1], each.text or ""))
    texts = ["".join(text for _, text in sorted(line)) for _, line in sorted(lines.items())]
    return [words for text in texts for words in [_masked(text)] if words]


def _masked(text: str) -> str:
    for pattern, replacement in _CHANGING:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())
