"""What the docs say of the command line is made from the program, and is current."""

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from website.command_line import PAGE, SCHEMA, made


@pytest.mark.parametrize(("file", "text"), made().items(), ids=["page", "schema"])
def test_the_reference_of_the_command_line_is_current(file: Path, text: str) -> None:
    assert file.read_text() == text, "run: python -m website.command_line"


def test_the_schema_of_the_file_is_valid_for_two_implementations() -> None:
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    validator = jsonschema_rs.validator_for(schema)
    assert validator.is_valid({"publishers": {"shop": {"event_types": ["order.*"]}}})
    assert not validator.is_valid({"publishers": {"shop": {"event_types": "order.*"}}})


def test_every_argument_and_option_has_a_meaning() -> None:
    rows = re.findall(r"^\| `(.+)` \| (.*) \| .*\|$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) > 200
    assert [name for name, meaning in rows if not meaning] == []


def test_an_option_that_the_command_asks_for_is_not_required() -> None:
    login = PAGE.read_text().partition("## event-bus login\n")[2].partition("\n## ")[0]
    assert re.search(r"^\| `--url` \| .+ \| \|$", login, re.MULTILINE)
