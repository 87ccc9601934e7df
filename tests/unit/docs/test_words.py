"""One word for one thing: code and documentation use the words of the glossary."""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from infra.built import ROOT
from tests.unit.docs.pages import DOCS, prose

GLOSSARY = DOCS / "glossary.md"

# The word is left where what is deployed or stored has it in its name, or the API in a value.
REPLACED = {
    "courier": "AttemptRunner",
    "parcel": "delivery request",
    "stranded": "unroutable",
    "follower": "WebSocket subscriber",
    "figures": "metrics, or what they are",
    "teeth": "safeguards, mutation tests",
    "storm": "chaos test",
    "seconds that only grow": "monotonic clock",
    "goes down": "is stopped, fails",
    "stretch": "page, period",
    "interests?": "routing rule",
    "strands?": "partition",
    "traits?": "event selector",
}
KEPT = re.compile(
    r'deployed_as="(?:StrandedQueue|Followers|Figures)"'
    r'|\["figures"\]|"figures": '
    r"|(?:Stranded|Followers|Figures)\w*(?:Queue|Table)\w*"
    r'|\("Bus", "Stranded"\)|bus-StrandedQueue-1'
)
MISUSED = {
    r"states? of (?:a|an|the|its|each|every|one) (?:delivery|subscription|dead letter)": "status",
    r"states of (?:deliveries|subscriptions|dead letters)": "status",
    r"table's stream": "table stream",
    r"(?<!table )stream records?": "records of the table stream",
    r"circuit (?:whose|breaker's?) (?:pause|is paused)": "wait of a circuit",
    r"(?:probe fails|each failure), the pause": "wait of a circuit",
    r"paus(?:es|ed|ing) (?:its |the )?deliveries": "stops deliveries; a pause is of a subscription",
    r"held back": "waits, or held by a pause",
}
"""Words of the glossary where they mean something else, and what to say."""

REPLACED_IN_NAMES = re.compile(
    "couriers?|parcels?|strand(?:s|ed)?|traits?|followers?|figures?|teeth|storms?|stretch(?:es)?"
    "|interests?"
)
"""Words that no name in Python contains."""

REPLACED_AS_NAMES = {
    "received": "queue_message",
    "handled": "result",
    "together": "batch_key",
}
"""No name by themselves, but ordinary English beside other words: `received_since`."""

CONSUMERS = re.compile(
    r"(?:clients|examples|benchmarks|tests/end_to_end"
    r"|tests/unit/(?:clients|examples|event_bus/inbox/sockets))/"
)
"""A consumer receives events and handles them, so `received` and `handled` are names here. The
Python client has a public class `Received`."""

_HERE = Path(__file__).relative_to(ROOT)
_FOREIGN = {"package-lock.json", "asyncapi-3.0.0.json"}
_TEXT = {".py", ".md", ".yml", ".toml", ".json", ".ts", ".tsx", ".js", ".mjs", ".html"}


@cache
def _texts() -> dict[str, str]:
    """The text of each file, by its path, in lower case and without what keeps an old word."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    if listed.returncode:
        pytest.skip("needs a clone of the repository")
    paths = [Path(line) for line in listed.stdout.splitlines()]
    return {
        str(path): KEPT.sub("", (ROOT / path).read_text("utf-8")).lower()
        for path in paths
        if path.suffix in _TEXT and path != _HERE and path.name not in _FOREIGN
        if (ROOT / path).exists()
    }


def _found(words: Iterable[str], *, whole: bool = False, but: str | None = None) -> list[str]:
    """Where words occur: `path:line: word`; one by one, which is faster than an alternation."""
    return [
        f"{path}:{text.count(chr(10), 0, word.start()) + 1}: {word[0]}"
        for pattern in map(re.compile, words)
        for path, text in _texts().items()
        if not but or not path.startswith(but)
        for word in pattern.finditer(text)
        if not whole
        or not any(map(str.isalpha, text[word.start() - 1] + text[word.end() : word.end() + 1]))
    ]


def _words(name: str) -> list[str]:
    """The words of a name in snake case or camel case, in lower case."""
    return [each.lower() for each in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def _given_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields each name that a module gives, with its line."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.Name(id=name, ctx=ast.Store())
                | ast.Attribute(attr=name, ctx=ast.Store())
                | ast.arg(arg=name)
                | ast.keyword(arg=str(name))
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
                | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
                | ast.alias(asname=str(name))
            ):
                yield node.lineno, name


def _of_consumer(path: str, word: str) -> bool:
    return word in {"received", "handled"} and CONSUMERS.match(path) is not None


def _replaced_names(path: str, text: str) -> list[str]:
    """Names of a module that are or have a replaced word: `path:line: name`."""
    names = [(1, Path(path).stem), *_given_names(ast.parse(text))]
    return [
        f"{path}:{line}: {name}"
        for line, name in names
        if (words := _words(name))
        if any(map(REPLACED_IN_NAMES.fullmatch, words))
        or (len(words) == 1 and words[0] in REPLACED_AS_NAMES and not _of_consumer(path, words[0]))
    ]


def test_replaced_words_do_not_come_back() -> None:
    assert _found(REPLACED, whole=True) == []


def test_words_mean_what_the_glossary_says() -> None:
    assert _found(MISUSED, but="tests/") == []


def test_names_of_old_words_do_not_come_back() -> None:
    """Inside a name as well: `FollowerStore`, `stranded_queue`."""
    assert _found(["courier", "parcel", "stranded", "follower"]) == []


def test_names_in_python_are_not_replaced_words() -> None:
    modules = [
        path
        for path, text in _texts().items()
        if path.endswith(".py")
        if REPLACED_IN_NAMES.search(text) or any(word in text for word in REPLACED_AS_NAMES)
    ]
    assert modules
    assert [
        each for path in modules for each in _replaced_names(path, (ROOT / path).read_text("utf-8"))
    ] == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Handled = tuple[int]", ["Handled"]),
        ("def f(received, *, handled): ...", ["received", "handled"]),
        ("for _received, b in c: ...", ["_received"]),
        ("kept = [a for a, received in b]", ["received"]),
        ("if received := f(handled=1): ...", ["received", "handled"]),
        ("self.together: int = 1", ["together"]),
        ("from a import b as received", ["received"]),
        ("class EventTrait: ...", ["EventTrait"]),
        ("match a:\n    case [strand, *parcels]: ...", ["strand", "parcels"]),
        ("def count_figures(): ...", ["count_figures"]),
        ("received_since = may_be_handled = 1", []),
        ("a = b.received", []),
    ],
)
def test_replaced_words_are_found_in_names(text: str, names: list[str]) -> None:
    found = _replaced_names("layers/event_bus/a.py", text)
    assert sorted(each.rpartition(" ")[2] for each in found) == sorted(names)


def test_a_consumer_receives_and_handles_events() -> None:
    text = "received = handled = together = 1"
    assert _replaced_names("examples/a.py", text) == ["examples/a.py:1: together"]
    assert len(_replaced_names("tests/unit/event_bus/test_a.py", text)) == 3


def test_the_glossary_has_each_term_once_in_order() -> None:
    terms = re.findall(r"^## (.+)$", GLOSSARY.read_text(), re.MULTILINE)
    assert len(terms) > 50
    assert terms == sorted(set(terms), key=str.casefold)


def test_a_definition_has_one_to_three_sentences() -> None:
    for entry in prose(GLOSSARY).split("\n## ")[1:]:
        term, _, definition = entry.partition("\n")
        sentences = re.findall(r"[.:)](?=\s|$)", re.sub(r"\[[^\]]*\]\([^)]*\)", "link", definition))
        assert 1 <= len(sentences) <= 4, term
