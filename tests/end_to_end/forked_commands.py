"""A process that has imported `event-bus`, and forks a process for each command.

A command then starts within milliseconds. Otherwise its imports take a processor half a second.
Each line of the input describes a command; each line of the output is its exit code.
"""

import json
import os
import sys

# Commands import these when they run.
import h2.connection  # noqa: F401
import httpcore  # noqa: F401
import rich.table  # noqa: F401
from event_bus_client.cli.main import main


def serve() -> None:
    """Runs commands until the input ends."""
    for line in sys.stdin.buffer:
        process = os.fork()
        if not process:
            _become(**json.loads(line))
            main()
        _, status = os.waitpid(process, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(
    arguments: list[str], environment: dict[str, str], folder: str, stdout: str, stderr: str
) -> None:
    """Makes this process what a shell starts."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, file in ((1, stdout), (2, stderr)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = ["event-bus", *arguments]


if __name__ == "__main__":
    serve()
