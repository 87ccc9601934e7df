"""The page of all commands is made from the program, and is current."""

import json

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from website.command_line import PAGE, commands_page, main


def test_the_page_of_commands_is_current() -> None:
    assert PAGE.read_text() == commands_page(), "run: python -m website.command_line"


def test_the_schema_of_the_file_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["command_line", "schema"])
    main()
    schema = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(schema)
    # Another implementation takes it, too.
    validator = jsonschema_rs.validator_for(schema)
    assert validator.is_valid({"publishers": {"shop": {"event_types": ["order.*"]}}})
    assert not validator.is_valid({"publishers": {"shop": {"event_types": "order.*"}}})
