"""Programs that tests run."""

import subprocess
from pathlib import Path


def printed_by(
    *command: str | Path,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
    given: str = "",
    seconds: float = 120,
) -> str:
    """Runs a program that must succeed, and returns what it prints.

    Args:
        command: The program and its arguments.
        folder: Where it runs; by default where the tests run.
        environment: All its variables; by default those of the tests.
        given: Its standard input.
        seconds: How long it may take.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
