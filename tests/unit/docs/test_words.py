"""One word for one thing: code and documentation use the words of the glossary."""

import re
import subprocess
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
_HERE = Path(__file__).relative_to(ROOT)
_FOREIGN = {"package-lock.json", "asyncapi-3.0.0.json"}
_TEXT = {".py", ".md", ".yml", ".toml", ".json", ".ts", ".tsx", ".js", ".mjs", ".html"}


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("needs a clone of the repository")
    paths = [Path(line) for line in listed.stdout.splitlines()]
    return [
        path
        for path in paths
        if path.suffix in _TEXT and path != _HERE and path.name not in _FOREIGN
    ]


def test_replaced_words_do_not_come_back() -> None:
    words = re.compile("|".join(rf"(?<![a-z]){word}(?![a-z])" for word in REPLACED), re.IGNORECASE)
    found = [
        f"{path}:{number}: {word[0]}"
        for path in _tracked()
        if (ROOT / path).exists()
        for number, line in enumerate((ROOT / path).read_text("utf-8").splitlines(), 1)
        for word in [words.search(KEPT.sub("", line))]
        if word
    ]
    assert found == []


def test_names_of_old_words_do_not_come_back() -> None:
    """Inside a name as well: `FollowerStore`, `stranded_queue`."""
    names = re.compile(r"courier|parcel|stranded|follower", re.IGNORECASE)
    found = [
        f"{path}:{number}"
        for path in _tracked()
        if (ROOT / path).exists()
        for number, line in enumerate((ROOT / path).read_text("utf-8").splitlines(), 1)
        if names.search(KEPT.sub("", line))
    ]
    assert found == []


def test_the_glossary_has_each_term_once_in_order() -> None:
    terms = re.findall(r"^## (.+)$", GLOSSARY.read_text(), re.MULTILINE)
    assert len(terms) > 50
    assert terms == sorted(set(terms), key=str.casefold)


def test_a_definition_has_one_to_three_sentences() -> None:
    for entry in prose(GLOSSARY).split("\n## ")[1:]:
        term, _, definition = entry.partition("\n")
        sentences = re.findall(r"[.:)](?=\s|$)", re.sub(r"\[[^\]]*\]\([^)]*\)", "link", definition))
        assert 1 <= len(sentences) <= 4, term
