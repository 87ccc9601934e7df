"""One word for one thing: code and documentation use the words of the glossary."""

import re
import subprocess
from collections.abc import Iterable
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


def test_replaced_words_do_not_come_back() -> None:
    assert _found(REPLACED, whole=True) == []


def test_words_mean_what_the_glossary_says() -> None:
    assert _found(MISUSED, but="tests/") == []


def test_names_of_old_words_do_not_come_back() -> None:
    """Inside a name as well: `FollowerStore`, `stranded_queue`."""
    assert _found(["courier", "parcel", "stranded", "follower"]) == []


def test_the_glossary_has_each_term_once_in_order() -> None:
    terms = re.findall(r"^## (.+)$", GLOSSARY.read_text(), re.MULTILINE)
    assert len(terms) > 50
    assert terms == sorted(set(terms), key=str.casefold)


def test_a_definition_has_one_to_three_sentences() -> None:
    for entry in prose(GLOSSARY).split("\n## ")[1:]:
        term, _, definition = entry.partition("\n")
        sentences = re.findall(r"[.:)](?=\s|$)", re.sub(r"\[[^\]]*\]\([^)]*\)", "link", definition))
        assert 1 <= len(sentences) <= 4, term
