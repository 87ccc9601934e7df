"""Problems in the words of the command line: `--service` where the API says `service_id`."""

from dataclasses import replace
from typing import Any

from event_bus_client.errors import Fault, Problem

_OTHER_NAMES = {
    "code": "error_code",
    "event_id": "id",
    "event_type": "type",
    "service_id": "subscriber_id",
    "since": "from",
    "until": "to",
    "url": "callback_url",
}
"""The API's names of parameters that commands name differently."""


def name_options(problem: Problem, command: Any) -> None:
    """Replaces the API's names in a problem by the options of a command.

    Args:
        problem: The problem.
        command: The command, as Click knows it.
    """
    options: dict[str, str] = {}
    for each in command.params:
        if each.param_type_name == "option":
            longest = max(each.opts, key=len)
            options.setdefault(_OTHER_NAMES.get(each.name, each.name), longest)
            options[each.name] = longest
    text = str(problem)
    faults: list[Fault] = []
    for fault in problem.faults:
        name, _, rest = fault.pointer.removeprefix("/").partition("/")
        # What lies deeper than the items of an option is a part of a document.
        option = options.get(name) if rest.isdigit() or not rest else None
        if option:
            text = text.replace(f"{fault.pointer}: ", f"{option}: ")
        faults.append(replace(fault, pointer=option or fault.pointer))
    problem.args = (text,)
    problem.faults = tuple(faults)
