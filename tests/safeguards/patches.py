"""Safeguards, each with the patch that breaks it: `<subject>/<what is done wrong>.patch`.

The text before a patch says what is done wrong without the safeguard. The patch changes one file,
as `git diff` writes it. Its outer lines of context may be out of date; the lines that it removes
must be in the file as they are.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "patches"
"""The patches, in a folder for each subject."""

_FILE = re.compile(r"^--- (?:a/)?(\S+)$", re.MULTILINE)
_HUNK = re.compile(r"^@@ .*@@.*\n", re.MULTILINE)


class NotApplied(ValueError):
    """The place of a patch is not in its file, or is there more than once."""


@dataclass(frozen=True)
class Safeguard:
    """A piece of code that a promise depends on, and the patch that breaks it.

    Attributes:
        name: What is done wrong without it.
        patch: The patch that breaks it.
        place: The file that the patch is in.
    """

    name: str
    patch: str
    place: Path

    @classmethod
    def read(cls, place: Path) -> "Safeguard":
        """Reads a patch from its file."""
        text = place.read_text()
        begins = _FILE.search(text)
        if begins is None:
            raise NotApplied(f"{place} names no file")
        return cls(" ".join(text[: begins.start()].split()), text[begins.start() :], place)

    @property
    def file(self) -> str:
        """The file that the patch changes, from the root of the project."""
        begins = _FILE.match(self.patch)
        assert begins
        return begins[1]

    @property
    def key(self) -> str:
        """Its subject and file name: `claims/two-claims`."""
        return self.place.relative_to(FOLDER).with_suffix("").as_posix()

    def broken(self, text: str) -> str:
        """The file's text without the safeguard.

        Raises:
            NotApplied: The place of the patch is not in the text, or is there more than once.
        """
        lines = text.splitlines(keepends=True)
        for hunk in _HUNK.split(self.patch)[1:]:
            lines = _applied(hunk.splitlines(keepends=True), lines, self)
        return "".join(lines)

    def renewed(self, text: str) -> str:
        """The text of its file, with the context and the line numbers that it has today."""
        return written(self.name, self.file, text, self.broken(text))


def written(name: str, file: str, intact: str, broken: str) -> str:
    """The text of a patch.

    Args:
        name: What is done wrong.
        file: The file that is broken.
        intact: Its text.
        broken: Its text without the safeguard.
    """
    before, after = (text.splitlines(keepends=True) for text in (intact, broken))
    diff = difflib.unified_diff(before, after, f"a/{file}", f"b/{file}", n=2)
    return f"{name}\n\n{''.join(diff)}"


def _applied(hunk: list[str], lines: list[str], safeguard: Safeguard) -> list[str]:
    for old, new in _forms(hunk):
        found = [
            place
            for place in range(len(lines) - len(old) + 1)
            if lines[place : place + len(old)] == old
        ]
        if len(found) == 1:
            return [*lines[: found[0]], *new, *lines[found[0] + len(old) :]]
        if found:
            break
    else:
        found = []
    raise NotApplied(
        f"{safeguard.place.name}: found {len(found)} times in {safeguard.file}; "
        "break it by hand, and write the output of `git diff` behind the first line"
    )


def _forms(hunk: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    """A hunk's lines before and after, with ever fewer lines of context at its ends."""
    changed = [place for place, line in enumerate(hunk) if line[0] != " "]
    first, last = changed[0], changed[-1]
    for context in range(max(first, len(hunk) - 1 - last), -1, -1):
        part = hunk[max(first - context, 0) : last + context + 1]
        yield (
            [line[1:] for line in part if line[0] in " -"],
            [line[1:] for line in part if line[0] in " +"],
        )


def safeguards() -> list[Safeguard]:
    """All safeguards, by subject and name."""
    return [Safeguard.read(each) for each in sorted(FOLDER.glob("*/*.patch"))]
