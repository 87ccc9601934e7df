"""The commands in samples of a shell."""

import re
import shlex
from collections.abc import Iterator

_PLACEHOLDER = re.compile(r"<[\w ]+>")
_COMMENT = re.compile(r"(?<!\S)# .*$", re.MULTILINE)
_ASSIGNMENT = re.compile(r"\w+=.*", re.DOTALL)
_SEPARATORS = "();|&\n"
_REDIRECTIONS = "<>"


def joined(text: str) -> str:
    """The text of a sample with each command on one line, and words in place of `<names>`."""
    return _PLACEHOLDER.sub("PLACEHOLDER", text).replace("\\\n", " ")


def commands(text: str, name: str) -> Iterator[list[str]]:
    """Yields the arguments of each call of a program, without quotes.

    Variables stay as they are written, and so does a command within double quotes.

    Args:
        text: The text of a sample.
        name: The program.
    """
    lexer = shlex.shlex(
        _COMMENT.sub("", joined(text)), posix=True, punctuation_chars=_SEPARATORS + _REDIRECTIONS
    )
    lexer.whitespace_split = True
    lexer.whitespace = " \t"
    lexer.commenters = ""
    words: list[str] = []
    for token in [*lexer, "\n"]:
        if set(token) <= set(_SEPARATORS):
            yield from _call(words, name)
            words = []
        else:
            words.append(token)


def _call(words: list[str], name: str) -> Iterator[list[str]]:
    """Yields the arguments of a command, if it calls the program."""
    words = [each for each in words if each]
    while words and _ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    if words and words[0] == name:
        yield _without_redirections(words[1:])


def _without_redirections(words: list[str]) -> list[str]:
    for place, word in enumerate(words):
        if set(word) <= set(_REDIRECTIONS):
            return words[:place]
    return words
