"""Commands read what the API answers, as its OpenAPI document describes it."""

import json
import re

import pytest
from event_bus_client.cli.exits import Ended

from tests.unit.clients.command_line import run
from tests.unit.clients.described import Described, answered

LISTS = (
    "events list",
    "subscriptions list",
    "subscriptions explain order-1",
    "publishers list",
    "keys list shop",
    "dead-letters list",
    "replays list",
    "schemas list",
    "schemas versions order.placed",
    "schemas catalogue",
    "streams list",
    "streams events task/1",
    "contexts list customers",
    "reducers list",
    "reducers versions order",
    "read-models list",
    "states task",
)


@pytest.mark.parametrize("command", LISTS)
def test_every_column_has_a_member(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    result = run(Described(), *command.split())
    assert result.exit_code == 0, result.output
    header, row = result.output.splitlines()[:2]
    cells = re.split(r"\s{2,}", row.strip())
    assert len(cells) == len(re.split(r"\s{2,}", header.strip()))
    assert "-" not in cells, result.output


@pytest.mark.parametrize("command", LISTS)
def test_an_item_is_printed_as_the_api_answers_it(command: str) -> None:
    bus = Described()
    [printed] = run(bus, *command.split(), "--json").stdout.splitlines()
    [item] = answered(bus.requests[-1]).json()["items"]
    assert json.loads(printed) == item


def test_the_doctor_reads_what_the_api_answers() -> None:
    result = run(Described(), "doctor", "--json")
    assert isinstance(result.exception, Ended), result.output
    found = {each["code"] for each in json.loads(result.stdout)["findings"]}
    assert found >= {"failing", "dead_letters"}
