"""The processes of emulators: whether one runs, what holds it, and how it ends."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import psutil

from localstack.errors import LocalError

# Within this time it saves its state, and its functions end.
_STOP_SECONDS = 60

_held_by: dict[int, int] = {}
"""The end of a pipe by which this process holds each attached emulator, by the emulator's process.

The system closes it when this process ends."""


def running(pid: int) -> bool:
    """Returns whether a process runs, whether or not it is a child of this one.

    Args:
        pid: The process.
    """
    try:
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            return False
    except ChildProcessError:
        pass  # Another process started it, and has ended.
    try:
        # An ended process stays in the table of processes until its parent waits for it.
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def holding(*, detached: bool) -> Iterator[tuple[int, Callable[[int], None]]]:
    """Yields the standard input of an emulator that starts.

    Args:
        detached: Whether it goes on when this process ends.

    Yields:
        The input, and a function. Call it with the emulator's process once this has started.
    """
    if detached:
        yield subprocess.DEVNULL, lambda _: None
        return
    # Other programs that this process starts do not inherit the ends.
    watched, held = os.pipe()
    started = list[int]()
    try:
        yield watched, started.append
    finally:
        os.close(watched)
        for pid in started:
            _held_by[pid] = held
        if not started:
            os.close(held)


def _release() -> None:
    """Closes the ends of the pipes in a forked process, which may outlive the one that holds."""
    while _held_by:
        os.close(_held_by.popitem()[1])


os.register_at_fork(after_in_child=_release)


def end(pid: int) -> None:
    """Ends an emulator and the functions it runs.

    Args:
        pid: Its process, and the process group of its functions.

    Raises:
        LocalError: The process does not end.
    """
    # SIGTERM may leave functions that are still working, or an emulator that hangs.
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)
        deadline = time.monotonic() + _STOP_SECONDS
        while running(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
    if running(pid):
        raise LocalError(f"The emulator's process {pid} does not end.")
    if (held := _held_by.pop(pid, None)) is not None:
        os.close(held)
