"""A file of events that wait to be published."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

from event_bus_client.errors import ConfigurationError

try:
    import fcntl
except ImportError:  # Windows has no such locks.
    fcntl = None  # type: ignore[assignment]


class Spool:
    """Keeps events in a file, one JSON document a line, until they are published.

    A second file holds the number of published lines. After a crash between publishing and that
    write, the events are published again with the same ids, so the bus stores them once.
    """

    def __init__(self, file: Path) -> None:
        """Opens the file, or makes it, readable by its owner alone.

        Args:
            file: Where it is.

        Raises:
            ConfigurationError: Another spool has it open.
            OSError: It cannot be opened.
        """
        self._file = file
        self._closed = False
        self._mark = file.with_name(file.name + ".done")
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._lines = os.fdopen(descriptor, "ab", buffering=0)
        _opened.add(self)
        try:
            self._lock()
        except ConfigurationError:
            self._lines.close()
            raise
        # A process that was killed may have cut its last line off: its publish did not return.
        self._lines.truncate(file.read_bytes().rfind(b"\n") + 1)
        self._done = int(self._mark.read_text() or 0) if self._mark.exists() else 0

    def load(self) -> Iterator[dict[str, Any]]:
        """Yields the events that an earlier process left, oldest first."""
        with self._file.open("rb") as lines:
            for number, line in enumerate(lines):
                if number >= self._done:
                    yield json.loads(line)

    def append(self, content: bytes) -> None:
        """Adds an event; it is on the disk when this returns.

        Args:
            content: The event as JSON on one line.

        Raises:
            OSError: It cannot be written, such as to a full disk. The file is as it was before.
        """
        end = self._lines.seek(0, os.SEEK_END)
        rest = content + b"\n"
        try:
            while rest:
                rest = rest[self._lines.write(rest) :]
            os.fsync(self._lines.fileno())
        except OSError:
            self._lines.truncate(end)
            raise

    def done(self, count: int, *, empty: bool) -> None:
        """Records that the oldest events are published.

        Args:
            count: How many more.
            empty: Whether none is left, so that the file begins anew.
        """
        if self._closed:
            # The next spool on this file may have begun. It publishes the events again.
            return
        if empty:
            # In this order: a number without its lines would pass over as many later events.
            self._mark.unlink(missing_ok=True)
            self._lines.truncate(0)
            self._done = 0
            return
        self._done += count
        beside = self._mark.with_name(self._mark.name + ".new")
        beside.write_text(str(self._done))
        beside.replace(self._mark)

    def close(self) -> None:
        """Closes the file. Later calls do nothing."""
        if self._closed:
            return
        self._closed = True
        if fcntl:
            with suppress(OSError):
                # A process that C code has forked would keep the lock.
                fcntl.flock(self._lines, fcntl.LOCK_UN)
        self._lines.close()

    def leave(self) -> None:
        """Closes the file in a forked process. The lock stays with the parent process."""
        self._closed = True
        self._lines.close()

    def _lock(self) -> None:
        """Locks the file against other spools, because two spools on one file lose events.

        Raises:
            ConfigurationError: Another spool has it open.
        """
        if not fcntl:
            return
        try:
            fcntl.flock(self._lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"Another publisher uses the spool file {self._file}: give each one its own."
            ) from None
        except OSError:
            # This file system has no locks.
            return


_opened: WeakSet[Spool] = WeakSet()


def _leave_all() -> None:
    """Closes the spools of the parent process.

    A lock lasts until each process that has the file open has closed it. A forked process would
    keep it after the parent process was killed.
    """
    for spool in list(_opened):
        spool.leave()


if hasattr(os, "register_at_fork"):  # Windows does not fork.
    os.register_at_fork(after_in_child=_leave_all)
