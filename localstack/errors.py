"""Errors of the local environment."""

from pathlib import Path

_TAIL_LINES = 40


class LocalError(Exception):
    """The local environment cannot be started or used; the message says why."""


def tail(log: Path) -> str:
    """Returns the last lines of a log file.

    Args:
        log: The file.
    """
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-_TAIL_LINES:])
