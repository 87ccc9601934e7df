"""Completion in shells, by the real process."""

import os
import sys
from pathlib import Path

import pytest

from tests.processes import printed_by

SOURCES = Path(__file__).parents[3] / "clients" / "python" / "src"
PROGRAM = (
    "import sys; sys.argv[0] = 'event-bus'; from event_bus_client.cli.main import main; main()"
)


def completed(shell: str, **variables: str) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": str(SOURCES),
        "_EVENT_BUS_COMPLETE": f"complete_{shell}",
        **variables,
    }
    return printed_by(sys.executable, "-c", PROGRAM, environment=environment)


def test_bash_completes_commands_and_options() -> None:
    assert completed("bash", COMP_WORDS="event-bus dead", COMP_CWORD="1").split() == [
        "dead-letters"
    ]
    words = completed("bash", COMP_WORDS="event-bus replay --s", COMP_CWORD="2").split()
    assert words == ["--since", "--subscription", "--source"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_complete_commands(shell: str) -> None:
    arguments = "event-bus subscriptions pau"
    found = completed(shell, _TYPER_COMPLETE_ARGS=arguments, _TYPER_COMPLETE_FISH_ACTION="get-args")
    assert "pause" in found
    assert "resume" not in found
