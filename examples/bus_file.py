"""The file in which `make up` writes the addresses of the bus."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

BUS_FILE = Path(__file__).parents[1] / ".local" / "bus.json"
"""Where `make up` writes it."""


class NoBus(Exception):
    """There is no file that describes a bus. The message says what to do."""


def asked_file(arguments: Sequence[str], description: str | None) -> Path:
    """Returns the file that a command line names, or that of `make up`.

    Args:
        arguments: The arguments of the command line.
        description: What the command does, for `--help`.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "file", nargs="?", type=Path, default=BUS_FILE, help="by default the one of `make up`"
    )
    file: Path = parser.parse_args(arguments).file
    return file


def read_bus(file: Path, names: Sequence[str]) -> dict[str, str]:
    """Returns members of a file that describes a bus.

    Args:
        file: The file.
        names: The members that it must have.

    Raises:
        NoBus: The file is missing, or is not of the form of that of `make up`.
    """
    try:
        found = json.loads(file.read_text())
        return {name: found[name] for name in names}
    except FileNotFoundError:
        if file == BUS_FILE:
            raise NoBus("No bus is running here; start one with: make up") from None
        raise NoBus(
            f"There is no file {file}; `make up` starts a bus and writes {BUS_FILE}."
        ) from None
    except (OSError, ValueError, LookupError, TypeError):
        raise NoBus(f"{file} is not a file in which `make up` has described a bus.") from None
