"""The monthly costs that are computed without a bus."""

import re

import pytest
from event_bus.requests.fetching import SSE_WAIT_SECONDS
from event_bus_client.conversation import IDLE_SECONDS

from benchmarks import prices
from benchmarks.standing import connected, listening, standing
from infra.built import ROOT
from localstack.assembly import assembly


def test_what_the_templates_cost_is_what_the_documentation_says() -> None:
    page = (ROOT / "docs" / "architecture" / "performance.md").read_text()
    _, _, section = page.partition("## What a month without events costs\n")
    section, _, _ = section.partition("A client that waits")
    row = r"^\| \**([a-z][^|]*?)\** \| ([0-9]*) ?\| \**([0-9.]+)\** \|$"
    said = {name: (count, dollars) for name, count, dollars in re.findall(row, section, re.M)}
    _, swept = said.pop("the sweeper, every minute")
    _, total = said.pop("all")
    charged = standing(assembly())
    assert said == {
        name: (f"{count}", f"{dollars:.2f}") for name, (count, dollars) in charged.items()
    }
    dollars = sum(each for _, each in charged.values()) + float(swept)
    assert float(total) == pytest.approx(dollars, abs=0.011)


def test_a_client_that_waits_costs_what_the_documentation_says() -> None:
    page = (ROOT / "docs" / "architecture" / "performance.md").read_text()
    said = dict(
        re.findall(r"^\| by (?:a )?(Server-Sent Events|WebSocket).*\| ([0-9.]+) \|$", page, re.M)
    )
    assert said == {
        "Server-Sent Events": f"{listening(512):.2f}",
        "WebSocket": f"{connected():.2f}",
    }


def test_pings_cost_what_the_documentation_says() -> None:
    page = (ROOT / "docs" / "architecture" / "performance.md").read_text()
    second, twenty = 100 * (connected(2) - connected(1)), 100 * connected(20)
    assert f"adds {second:.1f} cents a month, and 20 subscriptions cost {twenty:.0f} cents" in page
    assert f"a ping every {('four' if IDLE_SECONDS == 240 else IDLE_SECONDS)} minutes" in page


def test_most_of_it_is_the_function_that_waits() -> None:
    requests = prices.MONTH_MINUTES * 60 / SSE_WAIT_SECONDS
    waiting = requests * SSE_WAIT_SECONDS / 2 * prices.GB_SECOND
    assert listening(512) == pytest.approx(waiting, rel=0.1)
    assert listening(1024) - listening(512) == pytest.approx(waiting)
