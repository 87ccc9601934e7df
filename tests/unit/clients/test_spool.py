"""The file of events that wait to be published."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from event_bus_client.spool import Spool

from tests.waiting import ending


def test_an_event_is_on_the_disk_before_it_counts_as_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    file = tmp_path / "events"

    def fsync(descriptor: int) -> None:
        assert os.path.samestat(os.fstat(descriptor), file.stat())
        synced.append(file.read_bytes())

    monkeypatch.setattr(os, "fsync", fsync)
    spool = Spool(file)
    spool.append(b'{"id":"evt_1"}')
    spool.append(b'{"id":"evt_2"}')
    # All of the file, up to the new event: nothing stays in a buffer of this process.
    assert synced == [b'{"id":"evt_1"}\n', b'{"id":"evt_1"}\n{"id":"evt_2"}\n']
    spool.close()


class _Killed(BaseException):
    """The process is killed."""


@pytest.mark.parametrize("step", ["unlink", "truncate"])
def test_a_kill_while_the_file_begins_anew_loses_no_later_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise _Killed

    spool = Spool(tmp_path / "events")
    spool.append(b'{"id":"evt_1"}')
    spool.append(b'{"id":"evt_2"}')
    spool.done(1, empty=False)
    with monkeypatch.context() as patched:
        if step == "unlink":
            patched.setattr(Path, "unlink", killed)
        else:
            patched.setattr(spool, "_lines", SimpleNamespace(truncate=killed))
        with pytest.raises(_Killed):
            spool.done(1, empty=True)
    spool.close()

    second = Spool(tmp_path / "events")
    second.append(b'{"id":"evt_3"}')
    second.close()

    third = Spool(tmp_path / "events")
    assert [each["id"] for each in third.load()][-1:] == ["evt_3"]
    third.close()


def test_a_spool_that_is_closed_changes_nothing(tmp_path: Path) -> None:
    first = Spool(tmp_path / "events")
    first.append(b'{"id":"evt_1"}')
    first.close()
    second = Spool(tmp_path / "events")
    # A batch of the first one is answered late.
    first.done(1, empty=False)
    first.close()
    assert [each["id"] for each in second.load()] == ["evt_1"]
    second.close()
    third = Spool(tmp_path / "events")
    assert [each["id"] for each in third.load()] == ["evt_1"]
    third.close()


FORKS_AND_IS_KILLED = """
import os, signal, sys
from pathlib import Path
from event_bus_client.spool import Spool
spool = Spool(Path(sys.argv[1]))
spool.append(b'{"id":"evt_1"}')
if os.fork():
    os.kill(os.getpid(), signal.SIGKILL)
print("forked", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system has no fork.")
def test_a_forked_process_does_not_keep_the_file_of_a_killed_one(tmp_path: Path) -> None:
    file = tmp_path / "events"
    running = subprocess.Popen(
        [sys.executable, "-c", FORKS_AND_IS_KILLED, file],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    # The forked process runs until its stdin ends.
    with running, ending(running):
        assert running.stdout
        assert running.stdout.readline() == b"forked\n"
        assert running.wait(60) == -signal.SIGKILL
        spool = Spool(file)
        assert [each["id"] for each in spool.load()] == ["evt_1"]
        spool.close()


def test_a_spool_opens_where_files_have_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    first, second = Spool(tmp_path / "events"), Spool(tmp_path / "events")
    first.close()
    second.close()
