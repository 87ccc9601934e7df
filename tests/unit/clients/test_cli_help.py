"""The help of `event-bus`."""

from tests.unit.clients.command_line import ScriptedBus, run
from website.command_line import commands


def test_the_help_of_a_group_has_an_example_of_each_command() -> None:
    groups: dict[tuple[str, ...], set[str]] = {}
    for names, _ in commands():
        groups.setdefault(names[:-1], set()).add(names[-1])
    for group, children in groups.items():
        shown = run(ScriptedBus(), *group, "--help").output
        examples = shown.partition("Examples:\n")[2].splitlines()
        assert len(examples) == len(children), group
        for each in children:
            assert any(f" {each}" in example for example in examples), (group, each)
