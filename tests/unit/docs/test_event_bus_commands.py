"""Every `event-bus` command on the pages is one that the program takes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from event_bus_client.cli.main import app
from typer.exceptions import TyperException
from typer.main import get_command

from infra.built import ROOT
from tests.unit.docs.pages import PAGES, samples
from tests.unit.docs.shell import commands

PROGRAM: Any = get_command(app)
VALUES = {"staging"}
"""Values of options before the command."""

_INLINE = re.compile(r"`(event-bus [^`]+)`")


def shown() -> Iterator[tuple[str, list[str]]]:
    """Yields the arguments of each command in a sample, with the sample's place."""
    for sample in samples("sh", "bash"):
        for arguments in commands(sample.text, "event-bus"):
            yield str(sample), arguments


def named() -> Iterator[tuple[str, list[str]]]:
    """Yields the arguments of each command in a sentence, which may leave some out."""
    for page in PAGES:
        for text in _INLINE.findall(page.read_text(encoding="utf-8")):
            for arguments in commands(text, "event-bus"):
                yield str(page.relative_to(ROOT)), arguments


def parse(arguments: list[str]) -> None:
    """Lets the program's own parser read arguments, down to the last command."""
    command, context, name = PROGRAM, None, "event-bus"
    while True:
        for each in command.params:
            # A terminal would ask for it.
            if getattr(each, "prompt", None):
                each.prompt, each.required = None, False
        context = command.make_context(name, list(arguments), parent=context)
        if not is_group(command):
            return
        name, command, arguments = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )


def is_group(command: Any) -> bool:
    """Whether it has commands below it."""
    return hasattr(command, "commands")


def unknown(arguments: list[str]) -> list[str]:
    """The names of commands and options that the program does not have."""
    command, missing = PROGRAM, []
    for word in arguments:
        if word.startswith("-"):
            known = [name for each in command.params for name in (*each.opts, *each.secondary_opts)]
            missing += [word] if word not in {*known, "--help"} else []
        elif is_group(command) and word in command.commands:
            command = command.commands[word]
        elif is_group(command) and word not in VALUES:
            missing.append(word)
    return missing


SHOWN = [pytest.param(given, id=f"{place} {' '.join(given)}") for place, given in shown()]
NAMED = [pytest.param(given, id=f"{place} {' '.join(given)}") for place, given in named()]


@pytest.mark.parametrize("arguments", SHOWN)
def test_the_program_takes_the_arguments_of_a_sample(arguments: list[str]) -> None:
    parse(arguments)


@pytest.mark.parametrize("arguments", NAMED)
def test_a_command_in_a_sentence_exists(arguments: list[str]) -> None:
    assert unknown(arguments) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["subscriptions", "pauze", "billing.inbox"],
        ["subscriptions", "pause", "billing.inbox", "--frob"],
        ["subscriptions", "pause"],
        ["events", "list", "--limit", "many"],
    ],
    ids=" ".join,
)
def test_what_the_program_refuses_is_found(arguments: list[str]) -> None:
    with pytest.raises(TyperException):
        parse(arguments)


def test_unknown_names_are_found() -> None:
    assert unknown(["subscriptions", "pauze", "--frob"]) == ["pauze", "--frob"]
