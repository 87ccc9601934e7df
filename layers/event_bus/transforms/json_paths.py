"""JSON paths as EventBridge has them: `$.detail.state`, `$.items[0].name`, `$.items[*].price`.

They have only dot notation, array indices and wildcards
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from event_bus.transforms.limits import MAX_PATH_CHARACTERS

_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<place>\d{1,9}|\*)\]")

MISSING: Final = object()
"""Stands for a value that is not there."""


class JsonPath:
    """A compiled JSON path.

    Args:
        text: The path.

    Raises:
        ValueError: It is not such a path; the message shows the form of one.
    """

    __slots__ = ("_steps", "text")

    def __init__(self, text: str) -> None:
        if len(text) > MAX_PATH_CHARACTERS:
            raise ValueError(f"must have at most {MAX_PATH_CHARACTERS} characters")
        if not text.startswith("$"):
            raise ValueError("must be a JSON path, which begins with $: $.payload.total")
        self.text = text
        self._steps: list[str | int] = []
        end = 1
        while end < len(text):
            step = _STEP.match(text, end)
            if step is None:
                raise ValueError(
                    f"cannot be read from character {end}: write $.name, $.name[0] or $.name[*]"
                )
            place = step["place"]
            self._steps.append(int(place) if place and place != "*" else step["name"] or "*")
            end = step.end()

    def value(self, document: Any) -> Any:
        """Returns the value at the path; `MISSING` if there is none.

        A path with a wildcard leads to the array of the values that it selects.
        """
        found = [document]
        for step in self._steps:
            found = [inner for each in found for inner in _inside(each, step)]
        if "*" in self._steps:
            return found
        return found[0] if found else MISSING


def _inside(value: Any, step: str | int) -> Iterator[Any]:
    if isinstance(value, Mapping):
        if step == "*":
            yield from value.values()
        elif step in value:
            yield value[step]
    elif isinstance(value, list):
        if step == "*":
            yield from value
        elif isinstance(step, int) and step < len(value):
            yield value[step]
