"""Reads JSON that people type, and files."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import typer


def json_value(text: str, what: str) -> Any:
    """Reads JSON.

    Args:
        text: The JSON.
        what: How a message names it.
    """
    try:
        return json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{what} cannot be read as JSON: {error}") from error


def _no_number(name: str) -> None:
    """Refuses NaN and infinities, which Python reads, and JSON does not have."""
    raise ValueError(f"JSON has no number {name}")


def _finite(digits: str) -> float:
    """Reads a number, and refuses one that Python would read as infinity."""
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"the number {digits} is too large")
    return number


def json_object(text: str, what: str) -> dict[str, Any]:
    """Reads a JSON object.

    Args:
        text: The JSON.
        what: How a message names it.
    """
    value = json_value(text, what)
    if not isinstance(value, dict):
        raise typer.BadParameter(f"{what} must be a JSON object")
    return value


def text_of(file: Path) -> str:
    """Returns the text of a file; - is stdin."""
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}") from error
