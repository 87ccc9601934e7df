"""What tests start ends with them, also if they are killed."""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infra.built import ROOT
from tests.waiting import PATIENCE_SECONDS, ending

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can do this")

POOL = """
import os, sys, time
from tests.orphans import end_with
from tests.safeguards import __main__ as safeguards

class Copy:
    def __init__(self, folder):
        folder.mkdir()
    def caught_by(self, safeguard):
        parent, tests = os.getpid(), os.fork()
        if not tests:
            end_with(parent)
            os.write(ends, f"{os.getpid()} {parent}\\n".encode())
        while True:
            time.sleep(600)

ends = os.dup(1)
safeguards.Copy = Copy
sys.argv[1:] = ["--jobs", "1"]
sys.exit(safeguards.main())
"""

DISTRIBUTED = """
import os, signal, socket
import pytest

@pytest.fixture
def connection():
    # execnet sends it to a worker after some seconds, and later ends the worker at once.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.create_connection(("127.0.0.1", int(os.environ["TOLD"]))) as made:
        yield made
        made.sendall(b"stopped")

def test_that_waits(connection):
    connection.sendall(b"begun ")
    connection.recv(1)
"""


def has_ended(pid: int) -> bool:
    """Whether a process ends within a bound. Whoever started it may not wait for it."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        end = select.poll()
        end.register(handle, select.POLLIN)
        if end.poll(1000 * PATIENCE_SECONDS):
            return True
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        return False
    finally:
        os.close(handle)


def started(*command: str, folder: Path, **variables: str) -> "subprocess.Popen[str]":
    """A program of the project, with its temporary files in a folder."""
    path = os.pathsep.join(each for each in sys.path if each)
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": path, **variables},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_that_breaks_safeguards_is_left(number: signal.Signals, tmp_path: Path) -> None:
    with started("-c", POOL, folder=tmp_path) as running, ending(running):
        assert running.stdout
        pids = [int(each) for each in running.stdout.readline().split()]
        assert len(pids) == 2
        running.send_signal(number)
        assert [has_ended(each) for each in pids] == [True, True]
    # A process that was killed could remove nothing.
    assert number == signal.SIGKILL or list(tmp_path.iterdir()) == []


def test_a_worker_stops_what_it_started_if_the_run_is_killed(tmp_path: Path) -> None:
    (tmp_path / "test_that_waits.py").write_text(DISTRIBUTED)
    options = ("-n", "1", "-c", os.devnull, "-p", "tests.conftest", "-p", "no:cacheprovider")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_SECONDS)
        told = {"TOLD": str(listener.getsockname()[1])}
        run = started("-m", "pytest", *options, ".", folder=tmp_path, **told)
        with run, ending(run):
            worker, _ = listener.accept()
            with worker:
                worker.settimeout(PATIENCE_SECONDS)
                assert worker.recv(6) == b"begun "
                run.kill()
                assert b"".join(iter(lambda: worker.recv(64), b"")) == b"stopped"


def test_a_test_that_fails_does_not_wait_for_its_process(tmp_path: Path) -> None:
    running = started("-c", "import signal; signal.pause()", folder=tmp_path)
    try:
        with pytest.raises(ZeroDivisionError), ending(running):
            raise ZeroDivisionError
        assert running.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    finally:
        running.kill()
        running.communicate(timeout=PATIENCE_SECONDS)


def test_a_process_ends_if_its_parent_has_ended_before_it_asks() -> None:
    said = "import os; from tests.orphans import end_with; end_with(os.getppid() + 1); print(1)"
    done = subprocess.run(
        [sys.executable, "-c", said], cwd=ROOT, timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == -signal.SIGKILL
