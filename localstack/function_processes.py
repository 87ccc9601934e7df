"""The processes of functions on the emulator, forked from one that has imported what they need.

Otherwise each of some hundred processes would start Python and import it for 0.7 s of a processor.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import FileIO
from pathlib import Path
from typing import Any

NUMBER = "pid"
"""The file beside a function's script that holds the number of its process."""

_TEMPLATE = Path(__file__).with_name("process_template.py")
_STARTING = threading.Lock()
# The first answer of a template waits for its imports, which take a second.
_ANSWER_SECONDS = 120.0


def start(command: list[str], **members: Any) -> "ForkedProcess | subprocess.Popen[Any]":
    """Starts a process as `subprocess.Popen` does; the process of a function is forked.

    Args:
        command: The command of the process.
        members: Its folder, environment and streams, as `Popen` takes them.
    """
    if len(command) != 2 or command[0] != sys.executable or "env" not in members:
        return subprocess.Popen(command, **members)
    process = _started(command, **members)
    Path(command[1]).with_name(NUMBER).write_text(str(process.pid))
    return process


def _started(command: list[str], **members: Any) -> "ForkedProcess | subprocess.Popen[Any]":
    if not hasattr(os, "pidfd_open"):
        return subprocess.Popen(command, **members)
    with _STARTING:
        return ForkedProcess(command[1], members["cwd"], members["env"])


@dataclass(frozen=True)
class _Template:
    """The process that forks into those of functions with some layers.

    Attributes:
        process: The process.
        requests: The socket over which it is asked to fork.
    """

    process: "subprocess.Popen[bytes]"
    requests: socket.socket

    def fork(self, request: bytes, streams: list[int]) -> int:
        """Returns the number of a new process.

        Args:
            request: The script, the folder and the environment of the process, as JSON.
            streams: The descriptors of its standard streams.

        Raises:
            OSError: The process that forks has ended or does not answer in time.
        """
        named = f"the process {self.process.pid}, which forks those of functions,"
        try:
            socket.send_fds(self.requests, [request], streams)
            answer = self.requests.recv(32)
        except TimeoutError:
            raise TimeoutError(f"{named} did not answer within {_ANSWER_SECONDS:g} s") from None
        except ConnectionError:
            answer = b""
        if not answer:
            raise ConnectionError(f"{named} has ended")
        return int(answer)

    def end(self) -> None:
        """Ends it."""
        self.requests.close()
        self.process.kill()
        # It cannot hang, since nothing survives this signal.
        self.process.wait()


@cache
def _template(layers: tuple[str, ...]) -> _Template:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(_ANSWER_SECONDS)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", str(_TEMPLATE), str(theirs.fileno()), *layers],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
        )
    return _Template(process, ours)


def _layers(environment: Mapping[str, str]) -> tuple[str, ...]:
    named = environment.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep)
    # Each process has links of its own to the copies that all share.
    return tuple(os.path.realpath(each) for each in named if each)


class ForkedProcess:
    """A process that another one forked, with the part of `Popen` that the emulator uses."""

    def __init__(self, script: str, folder: str, environment: Mapping[str, str]) -> None:
        template = _template(_layers(environment))
        their_stdin, stdin = os.pipe()
        stdout, their_stdout = os.pipe()
        stderr, their_stderr = os.pipe()
        streams = [their_stdin, their_stdout, their_stderr]
        request = {"script": script, "cwd": str(folder), "env": dict(environment)}
        try:
            self.pid = template.fork(json.dumps(request).encode(), streams)
        except OSError:
            # The next function gets a new template.
            _template.cache_clear()
            template.end()
            for stream in (stdin, stdout, stderr):
                os.close(stream)
            raise
        finally:
            for stream in streams:
                os.close(stream)
        self.stdin = os.fdopen(stdin, "w", buffering=1)
        self.stdout, self.stderr = os.fdopen(stdout), os.fdopen(stderr)
        self.returncode: int | None = None
        self._handle: FileIO | None = None
        with suppress(ProcessLookupError):
            # A file is closed once no thread uses it. If each thread that sees the end closed the
            # descriptor, the second one might close a file that another thread has opened under
            # the same number.
            self._handle = FileIO(os.pidfd_open(self.pid))

    def poll(self) -> int | None:
        """Returns 1 if the process has ended, and None otherwise. Its exit status is not known."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Waits until it has ended.

        Args:
            timeout: For how many seconds.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("function", timeout or 0)
        return status

    def terminate(self) -> None:
        """Asks it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle.fileno(), number)

    def _ended(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            if self._handle is not None:
                # `select.select` refuses a descriptor above 1,023.
                end = select.poll()
                end.register(self._handle, select.POLLIN)
                if not end.poll(None if seconds is None else seconds * 1000):
                    return None
            self.returncode = 1
        return self.returncode
