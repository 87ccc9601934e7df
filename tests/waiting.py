"""Bounds for what tests wait for. Without one, a test that waits in vain holds up the whole run."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE_SECONDS = 60.0


def join(*threads: threading.Thread, seconds: float = PATIENCE_SECONDS) -> None:
    """Waits for the ends of threads; fails if one still runs after some seconds."""
    end = time.monotonic() + seconds
    for each in threads:
        each.join(max(0.0, end - time.monotonic()))
        assert not each.is_alive(), f"{each.name} still runs after {seconds:g} s"


@contextmanager
def at_most(seconds: float, end: Callable[[], object], what: str) -> Iterator[None]:
    """Ends what a block waits for, and fails, if the block takes longer.

    Args:
        seconds: How long it may take.
        end: Ends it, from another thread.
        what: What has to come within this time.
    """
    late = threading.Event()

    def give_up() -> None:
        late.set()
        end()

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if late.is_set():
            raise AssertionError(f"{what} did not come within {seconds:g} s")


@contextmanager
def ending(process: "subprocess.Popen[Any]", seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Kills a process whose output a block reads, and fails, if the block takes longer.

    It also kills the process of a block that fails, because whoever started it waits for its end.
    """
    with at_most(seconds, process.kill, f"the output and the end of {process.args!r}"):
        try:
            yield
        except BaseException:
            process.kill()
            raise
