"""Puts the bus's matching code into the package when it is built, so that it is kept once."""

import re
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSIDE = "_matching"
"""Where the code is in the package, and in a source distribution."""

_MODULES = re.compile(
    r"\bevent_bus(?:\.matching\b|(?=\.json_numbers\b)|(?= import json_numbers\b))"
)


def renamed(source: str) -> str:
    """A module of the bus as a module of the package."""
    return _MODULES.sub(f"event_bus_client.{INSIDE}", source)


class MatchingHook(BuildHookInterface[Any]):
    """Copies the code into the wheel, and into a source distribution for its wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the code to what is built.

        Args:
            version: The kind of wheel; an editable one finds the code in the repository.
            build_data: What is built.
        """
        if version == "editable":
            return
        root = Path(self.root)
        copied = root / INSIDE
        bus = root.parent.parent / "layers" / "event_bus"
        made = Path(mkdtemp())
        if copied.exists():
            made = copied
        else:
            for module in [*(bus / "matching").glob("*.py"), bus / "json_numbers.py"]:
                (made / module.name).write_text(renamed(module.read_text()))
        place = INSIDE if self.target_name == "sdist" else f"event_bus_client/{INSIDE}"
        build_data["force_include"][str(made)] = place
