"""The pages of the documentation."""

import re
from pathlib import Path

from infra.built import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]

_FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1`*[ ]*$", re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    """A page without its samples of code."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))
