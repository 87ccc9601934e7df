"""Puts rules of the bus into the package when it is built, so that each is kept once."""

import re
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSIDE = "_bus"
"""Where the code is in the package, and in a source distribution."""

COPIED = (
    "matching/*.py",
    "json_numbers.py",
    "model/command_record.py",
    "model/command_types.py",
    "model/merge_patch.py",
    "model/outcome.py",
    "model/stream_name.py",
    "model/stream_version.py",
)
"""The copied modules of `layers/event_bus`. They import each other and `times` only."""

# The client has a module `times` of its own, which runs on Python 3.10.
_TIMES = re.compile(r"\bfrom event_bus import times\b")
_BUS = re.compile(r"\bevent_bus(?=\.| import\b)")


def renamed(source: str) -> str:
    """Returns a module of the bus as a module of the package."""
    return _BUS.sub(
        f"event_bus_client.{INSIDE}", _TIMES.sub("from event_bus_client import times", source)
    )


def copy_rules(bus: Path, package: Path, target: Path) -> None:
    """Copies the modules of `COPIED`, and the `__init__` of each folder.

    Args:
        bus: The folder `layers/event_bus`.
        package: The folder of the package in the repository.
        target: The new folder.
    """
    for pattern in COPIED:
        for module in bus.glob(pattern):
            place = target / module.relative_to(bus)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(renamed(module.read_text()))
    for each in (package / INSIDE).glob("**/__init__.py"):
        shutil.copy(each, target / each.relative_to(package / INSIDE))


class RulesHook(BuildHookInterface[Any]):
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
        made = root / INSIDE
        if not made.exists():
            made = Path(mkdtemp())
            bus = root.parent.parent / "layers" / "event_bus"
            copy_rules(bus, root / "src" / "event_bus_client", made)
        place = INSIDE if self.target_name == "sdist" else f"event_bus_client/{INSIDE}"
        build_data["force_include"][str(made)] = place
