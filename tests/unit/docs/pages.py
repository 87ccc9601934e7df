"""The pages of the documentation, and the samples in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.built import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
CLIENTS = sorted((ROOT / "clients").glob("*/README.md"))
"""The pages that the packages of the clients carry."""

_FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1`*[ ]*$", re.MULTILINE | re.DOTALL)
_SAMPLE = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n\n?)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A fenced piece of code.

    Attributes:
        mark: What a comment before it says for the tests, such as `schema: Event`. A sample with
            the mark `continues: above` needs the one before it in its language. A program with
            the mark `runs: NAME` is run by a test, which gets it by that name.
    """

    page: str
    line: int
    language: str
    mark: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def marked(self, name: str) -> str | None:
        """The value of its mark, if the mark has this name."""
        key, _, value = self.mark.partition(": ")
        return value if key == name else None


def prose(page: Path) -> str:
    """A page without its samples of code."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def samples_of(page: Path, *languages: str) -> Iterator[Sample]:
    """The samples of a page in these languages, in their order."""
    text = page.read_text(encoding="utf-8")
    name = str(page.relative_to(ROOT))
    for found in _SAMPLE.finditer(text):
        if found["language"] in languages:
            line = text.count("\n", 0, found.start("text"))
            yield Sample(name, line, found["language"], found["mark"] or "", found["text"])


def samples(*languages: str) -> list[Sample]:
    """The samples of all pages in these languages, those of the clients too."""
    return [sample for page in (*PAGES, *CLIENTS) for sample in samples_of(page, *languages)]


def program_named(name: str) -> Sample:
    """The program with the mark `runs: NAME`, for the test that runs it."""
    [sample] = [each for each in samples("python", "js") if each.marked("runs") == name]
    return sample
