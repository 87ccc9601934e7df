"""Benchmarks and documentation state the same ratios, and a run that is worse fails."""

import re

import pytest
from rich.console import Console

from benchmarks.documented import Documented, compare, documented
from infra.built import ROOT

PAGE = (ROOT / "docs" / "architecture" / "performance.md").read_text()
BENCHMARKS = ("pipeline", "cost", "processor", "json_bodies")


def row(name: str) -> list[str]:
    """The cells of a row of the page's tables, behind its name."""
    found = re.search(rf"^\| `?{re.escape(name)}`? \|(.*)\|$", PAGE, re.MULTILINE)
    assert found, f"docs/architecture/performance.md has no row {name}"
    return [cell.strip() for cell in found[1].split("|")]


@pytest.mark.parametrize("name", documented("pipeline").ratios)
def test_the_page_states_latency_and_throughput(name: str) -> None:
    assert row(name)[2] == f"{documented('pipeline').ratios[name]:.2f}x"


def test_the_page_states_what_an_event_costs() -> None:
    ratios = documented("cost").ratios
    assert f"| | {' | '.join(ratios)} |" in PAGE
    assert row("ratio") == [f"{each:.2f}" for each in ratios.values()]


@pytest.mark.parametrize("name", documented("processor").ratios)
def test_the_page_states_what_of_a_processor_each_function_takes(name: str) -> None:
    assert row(name)[5] == f"{documented('processor').ratios[name]:g}x"


@pytest.mark.parametrize("name", documented("json_bodies").ratios)
def test_the_page_states_what_reading_a_body_takes(name: str) -> None:
    assert row(name)[2] == f"{documented('json_bodies').ratios[name]:.1f}x"


def test_a_run_may_be_worse_by_its_tolerance_and_no_more() -> None:
    stated = Documented({"one": 2.0, "two": 1.0}, tolerance=1.5)
    assert stated.drifted({"one": 3.0, "two": 0.2, "three": 9.0}) == []
    assert stated.drifted({"one": 3.1, "two": 1.0}) == ["one: 3.10x, documented 2x"]


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_a_run_that_is_worse_ends_with_an_error(benchmark: str) -> None:
    stated = documented(benchmark).ratios
    console = Console(quiet=True)
    compare(console, benchmark, stated)
    for name in stated:
        with pytest.raises(SystemExit):
            compare(console, benchmark, {**stated, name: 3.1 * stated[name]})
