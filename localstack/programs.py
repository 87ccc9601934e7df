"""Programs that are run to their end, within a time."""

import subprocess
from collections.abc import Sequence
from typing import Any

from localstack.errors import LocalError


def run(
    command: Sequence[str], what: str, seconds: float, **options: Any
) -> "subprocess.CompletedProcess[str]":
    """Runs a program to its end.

    Args:
        command: The program and its arguments.
        what: What it does, for the error.
        seconds: How long it may take.
        options: Further options, as `subprocess.run` takes them.

    Returns:
        How it ended. It may have failed.

    Raises:
        LocalError: It did not end in time, and was killed.
    """
    try:
        return subprocess.run(command, text=True, check=False, timeout=seconds, **options)
    except subprocess.TimeoutExpired as late:
        printed = (late.stdout or b"") + (late.stderr or b"")
        raise LocalError(
            f"{what} did not end within {seconds:g} s and was killed:\n"
            f"{printed.decode(errors='replace').strip()}"
        ) from None
