"""Every relative link of the documentation leads to a file, and to a heading where it names one."""

import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from infra.built import ROOT
from tests.unit.docs.pages import DOCS, PAGES, prose

_CODE = re.compile(r"(`+).+?\1", re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#* *$", re.MULTILINE)

ELSEWHERE = {"changelog.md", "reference/api/operations.md"}
"""Pages of the site that are not in `docs`."""


def _links(page: Path) -> list[str]:
    return _LINK.findall(_CODE.sub("code", prose(page)))


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, made as GitHub makes them."""
    seen: Counter[str] = Counter()
    anchors = set()
    for heading in _HEADING.findall(prose(page)):
        words = _LINK.sub(lambda link: link[0][1 : link[0].index("]")], heading)
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return anchors


def _broken(page: Path) -> list[str]:
    broken = []
    for link in _links(page):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = page.parent / unquote(parts.path) if parts.path else page
        if not target.exists() or (
            parts.fragment and (target.suffix != ".md" or parts.fragment not in _anchors(target))
        ):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert _broken(page) == []


@pytest.mark.parametrize(("folder", "others"), [("", "decisions"), ("decisions", "")])
def test_an_index_names_every_page(folder: str, others: str) -> None:
    index = DOCS / folder / "README.md"
    named = {(index.parent / link).resolve() for link in _links(index) if not urlsplit(link).scheme}
    pages = {
        page
        for page in index.parent.rglob("*.md")
        if page != index and not (others and page.parent.name == others)
    }
    assert pages <= named


def test_the_site_shows_every_page() -> None:
    """Decisions are found by their index."""
    shown = re.findall(r"- (?:[\w &]+: )?([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    pages = {
        str(page.relative_to(DOCS))
        for page in DOCS.rglob("*.md")
        if page.parent.name != "decisions"
    }
    assert set(shown) == pages | {"decisions/README.md", *ELSEWHERE}
    assert len(shown) == len(set(shown))


def test_the_concepts_have_the_same_order_everywhere() -> None:
    index, overview, site = (
        re.findall(pattern, page.read_text(encoding="utf-8"), re.MULTILINE)
        for page, pattern in (
            (DOCS / "README.md", r"\]\(concepts/([\w-]+)\.md\)"),
            (DOCS / "concepts" / "README.md", r"\]\(([\w-]+)\.md\)"),
            (ROOT / "mkdocs.yml", r"- concepts/([\w-]+)\.md"),
        )
    )
    assert index == ["README", *overview] == site


def test_the_index_has_the_pages_in_the_order_of_the_site() -> None:
    rows = re.findall(r"^\| \[.*", (DOCS / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    index = [each for row in rows for each in re.findall(r"\]\(([\w/-]+\.md)\)", row)]
    site = re.findall(r"([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert index == [each for each in site if each in set(index)]
    assert set(site) - set(index) == {"README.md", *ELSEWHERE}


@pytest.mark.parametrize(
    "page", sorted((DOCS / "concepts").glob("*.md")), ids=lambda page: str(page.stem)
)
def test_a_concept_has_a_picture(page: Path) -> None:
    assert "\n```mermaid\n" in page.read_text(encoding="utf-8")


def test_broken_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One `two`, three\n\n## Again\n\n## Again\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](other.md) [b](other.md#one-two-three) [c](other.md#again-1) [d](#here)\n"
        "[e](https://example.com/no.md) `[f](no.md)`\n```\n[g](no.md)\n# Not here\n```\n"
        "[h](no.md) [i](other.md#again-2) [j](#not-here)\n"
    )

    assert _broken(page) == ["no.md", "other.md#again-2", "#not-here"]
