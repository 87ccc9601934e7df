"""The documentation's tables are tables, and its promises have numbers."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from event_bus.api.openapi import read_document

from infra.built import ROOT
from tests.unit.docs.pages import PAGES, prose

_DELIMITER = re.compile(r"\|( *:?-+:? *\|)+")
_CELL_BORDER = re.compile(r"(?<!\\)\|")

VAGUE = re.compile(
    r"\b(?:some (?:tens|hundreds|thousands|seconds|minutes|hours|ms)"
    r"|(?:tens|hundreds) of (?:events|requests|milliseconds|seconds)"
    r"|(?:second|minute|moment|hour|day)s? or so|or thereabouts"
    r"|for a (?:while|moment)|after a (?:while|moment)|a moment ago|in a moment|at times"
    r"|a few (?!others\b|clients\b)|as a rule|most of the time|more or less"
    r"|(?<!as )soon(?! as\b)|shortly|usually|roughly|approximately"
    r"|eventually(?! consistent))",
    re.IGNORECASE,
)
"""What promises nothing: say how much or how long, or leave it out."""


def tables(text: str) -> Iterator[list[str]]:
    """The rows of each table: lines in a row that begin with a bar."""
    rows: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.lstrip().startswith("|"):
            rows.append(line.strip())
        elif rows:
            yield rows
            rows = []


def faults(text: str) -> list[str]:
    """The rows that do not fit the table that they are in."""
    found = []
    for rows in tables(text):
        if len(rows) < 3 or not _DELIMITER.fullmatch(rows[1].replace(" ", "")):
            found.append(rows[0])
            continue
        width = len(_CELL_BORDER.findall(rows[0]))
        found += [row for row in rows if len(_CELL_BORDER.findall(row)) != width]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tables_are_well_formed(page: Path) -> None:
    assert faults(prose(page)) == []


def test_broken_tables_are_found() -> None:
    whole = "| a | b |\n|---|---|\n| `x` | y \\| z |\n"
    assert faults(f"text\n\n{whole}\ntext") == []
    # A blank line ends a table: what follows is shown as text.
    assert faults(f"{whole}\n| c | d |\n") == ["| c | d |"]
    assert faults(f"{whole}| c | d | e |\n") == ["| c | d | e |"]
    assert faults("| a | b |\n| c | d |\n| e | f |\n") == ["| a | b |"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_promises_have_numbers(page: Path) -> None:
    assert VAGUE.findall(prose(page)) == []


def test_the_described_api_has_numbers() -> None:
    assert VAGUE.findall(str(read_document())) == []
