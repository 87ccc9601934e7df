"""The standard streams of the program: closed ones, other encodings, and readers that leave."""

import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

import typer
from rich.console import Console
from rich.segment import Segment

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""The characters that control a terminal, except tabs and the ends of lines."""


class ReaderLeft(Exception):
    """The reader of stdout has closed the pipe, as `head` does."""


class SafeConsole(Console):
    """A console whose terminal obeys no text that it shows.

    An event or an answer may hold characters that would write to the clipboard, hide lines or type
    a command.
    """

    def render(self, *args: Any, **kwargs: Any) -> Iterable[Segment]:
        """Yields what is shown, with U+FFFD for characters that control a terminal."""
        for each in super().render(*args, **kwargs):
            if each.control or not self.is_terminal:
                yield each
            else:
                yield Segment(_CONTROLS.sub("\ufffd", each.text), each.style)


class PipedConsole(SafeConsole):
    """A console that ends the program with 0 if the reader of its output leaves."""

    def on_broken_pipe(self) -> None:
        """Ends the program."""
        # Rich would end it with 1.
        raise BrokenPipeError


def prepare() -> None:
    """Makes the standard streams usable if one is closed, or its encoding lacks characters."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            # The shell has closed it, as by `>&-`.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def in_utf8(argument: str) -> str:
    """Returns an argument of the program; its bytes are UTF-8 if the locale cannot read them.

    Raises:
        typer.BadParameter: They are not.
    """
    if argument.isascii() or not any("\ud800" <= each <= "\udfff" for each in argument):
        return argument
    try:
        return argument.encode("utf-8", "surrogateescape").decode()
    except UnicodeError:
        raise typer.BadParameter(f"{argument!a} is not text in UTF-8") from None


def needs_escapes(stream: TextIO) -> bool:
    """Returns whether JSON must be written in ASCII, because a stream cannot take all of it."""
    return not (stream.encoding or "utf").lower().startswith("utf")


@contextmanager
def watched() -> Iterator[None]:
    """Raises ReaderLeft if the reader of stdout has left.

    Raises:
        ReaderLeft: It has. Click would end the program with 1 after a `BrokenPipeError`.
    """
    try:
        yield
    except BrokenPipeError:
        raise ReaderLeft from None


def discard() -> None:
    """Discards what stdout has not taken, and what follows; Python would fail at its exit."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, suppress(OSError, ValueError):
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
