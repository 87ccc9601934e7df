"""The processes that run functions on the emulator, and how they come to a sudden end."""

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Set
from contextlib import suppress
from pathlib import Path

import psutil

from localstack.function_processes import NUMBER
from tests.waiting import join

FUNCTIONS = (
    "Authorize",
    "Publish",
    "Recovery",
    "Route",
    "LanesHttpDeliver",
    "LanesRedrive",
    "Replay",
    "Sweep",
)
"""The functions an event meets on its way, as the stacks name them."""

_LIVES_SECONDS = (1.0, 6.0)
"""How long a process lives: it must get some work done, or nothing would ever move."""

_NAME = re.compile(r"event-bus-local-\w+-([A-Za-z]+?)Function[0-9A-F]{8}")


def running(emulator: int) -> list[tuple[psutil.Process, str]]:
    """The processes that run functions at present.

    Args:
        emulator: The emulator's process.

    Returns:
        Each, and the name of its function.
    """
    found = []
    own = psutil.Process(emulator)
    processes = {each.pid: each for each in own.children(recursive=True)}
    for file in Path(own.cwd(), "tmp").glob(f"*/{NUMBER}"):
        name = _NAME.search(file.parent.name)
        with suppress(FileNotFoundError, ValueError):
            process = processes.get(int(file.read_text()))
            if process and name and name[1] in FUNCTIONS:
                found.append((process, name[1]))
    return found


class Killer(threading.Thread):
    """Kills each process some seconds after it came up, wherever it stands, until stopped."""

    def __init__(self, emulator: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.killed: Counter[str] = Counter()
        self._emulator = emulator
        self._random = random.Random(seed)
        self._ends: dict[int, float] = {}
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(0.1):
            for process, name in running(self._emulator):
                now = time.monotonic()
                end = self._ends.setdefault(
                    process.pid, now + self._random.uniform(*_LIVES_SECONDS)
                )
                if now > end:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
                        self.killed[name] += 1

    def has_killed(self, functions: Set[str]) -> bool:
        """Whether a process of each of these functions was killed."""
        return functions <= self.killed.keys()

    def stop(self) -> None:
        """Lets the processes live."""
        self._stopped.set()
        join(self)
