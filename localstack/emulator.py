"""Starts, finds and stops the emulator's process."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import psutil

from localstack.errors import LocalError, tail

REGION = "us-east-1"
"""Its AWS region."""

ACCOUNT = "000000000000"
"""Its AWS account."""

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""Credentials that it accepts."""

LOG = "emulator.log"
"""The name of the emulator's log."""

_PROCESS = Path(__file__).with_name("ministack_process.py")
_ATTACHED = "attached"
_held_by: dict[int, int] = {}
"""The end of a pipe by which this process holds each attached emulator, by the emulator's process.

The system closes it when this process ends."""
_RECORD = "emulator.json"
_PORT = "state/port"
_SCRATCH = ("tmp",)
_STATE = ("s3", "state")
_ADDRESS = "127.0.0.1"
_USUAL_PORT = 4566
_START_SECONDS = 60
_TRIES = 3
"""How often an emulator starts on a free port: another program may listen on it first."""

# Within this time it saves its state, and its functions end.
_STOP_SECONDS = 60
# The variables of the caller's environment that the emulator, and so its functions, receive.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT")


class _PortTaken(LocalError):
    """Another program listens on the port."""


@dataclass(frozen=True, slots=True)
class Emulator:
    """An emulator that runs in a process group of its own.

    Attributes:
        directory: The folder of its files.
        pid: Its process, and the process group of its functions.
        port: Its port.
        strict: Whether it accepts only TLS, and enforces the policies of IAM.
        kept: Whether its state is kept when it stops.
    """

    directory: Path
    pid: int
    port: int
    strict: bool = False
    kept: bool = False

    @classmethod
    def start(
        cls,
        directory: Path,
        port: int | None = None,
        *,
        strict: bool = False,
        kept: bool = False,
        detached: bool = False,
    ) -> "Emulator":
        """Starts an emulator and waits until it answers.

        Args:
            directory: The folder for its files.
            port: Its port, or 0 for any free one. By default the port that a kept state needs, or
                else the usual one, or a free one if that is taken.
            strict: Whether it accepts only TLS, and enforces the policies of IAM.
            kept: Whether it loads the state that the last one saved in this directory, and saves
                its own when it is stopped.
            detached: Whether it goes on when this process ends. Otherwise it then ends at once,
                without saving its state; a state that was saved before stays.

        Returns:
            The running emulator.

        Raises:
            LocalError: The port is taken, the kept state needs another port, or the emulator does
                not start.
        """
        wanted = (kept and _port_of_state(directory, port)) or _choose_port(port)
        directory.mkdir(parents=True, exist_ok=True)
        for left in reversed(range(_TRIES if wanted == 0 else 1)):
            try:
                with _held(wanted) as held:
                    return cls._start(directory, held, strict=strict, kept=kept, detached=detached)
            except _PortTaken:
                if not left:
                    raise
        raise AssertionError("unreachable")

    @classmethod
    def _start(
        cls, directory: Path, port: int, *, strict: bool, kept: bool, detached: bool
    ) -> "Emulator":
        _remove(directory, _SCRATCH if kept else (*_SCRATCH, *_STATE))
        for folder in (*_SCRATCH, *_STATE):
            (directory / folder).mkdir(exist_ok=True)
        with (directory / LOG).open("wb") as log, _holding(detached=detached) as (stdin, hold):
            process = subprocess.Popen(
                # -P: the emulator does not import modules from the folder of this file.
                [sys.executable, "-P", str(_PROCESS), *([] if detached else [_ATTACHED])],
                cwd=directory,
                env=_environment(directory, port, strict=strict, kept=kept),
                stdin=stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C does not reach it, and it is stopped as a whole.
                start_new_session=True,
            )
            hold(process.pid)
        emulator = cls(directory, process.pid, port, strict, kept)
        try:
            emulator._wait_until_up()
            record = {"pid": process.pid, "port": port, "strict": strict, "kept": kept}
            (directory / _RECORD).write_text(json.dumps(record))
        except BaseException:
            emulator.stop()
            raise
        return emulator

    @classmethod
    def find(cls, directory: Path) -> "Emulator | None":
        """Returns the emulator that was started in a directory and still runs.

        Args:
            directory: The directory.
        """
        try:
            record = json.loads((directory / _RECORD).read_text())
        except FileNotFoundError:
            return None
        emulator = cls(directory, **record)
        return emulator if running(emulator.pid) and emulator.answers() else None

    @property
    def endpoint_url(self) -> str:
        """The URL for AWS clients."""
        return f"{self._scheme}://localhost:{self.port}"

    @property
    def certificate(self) -> Path:
        """The self-signed certificate of a strict emulator."""
        return _certificate(self.directory)

    @property
    def _scheme(self) -> str:
        return "https" if self.strict else "http"

    def environment(self) -> dict[str, str]:
        """Returns the environment in which programs use the emulator as AWS."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **kept,
            **CREDENTIALS,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            # With an address in place of a name, buckets are in the path and need no DNS.
            "AWS_ENDPOINT_URL_S3": f"{self._scheme}://127.0.0.1:{self.port}",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **({"NODE_EXTRA_CA_CERTS": str(self.certificate)} if self.strict else {}),
        }

    def stop(self) -> None:
        """Stops the emulator and the functions it runs.

        Its files are removed, except for the log and, if it is kept, the state.

        Raises:
            LocalError: The process does not end.
        """
        # SIGTERM may leave functions that are still working, or an emulator that hangs.
        for number in (signal.SIGTERM, signal.SIGKILL):
            _signal(self.pid, number)
            deadline = time.monotonic() + _STOP_SECONDS
            while running(self.pid) and time.monotonic() < deadline:
                time.sleep(0.05)
        if running(self.pid):
            raise LocalError(f"The emulator's process {self.pid} does not end.")
        if (held := _held_by.pop(self.pid, None)) is not None:
            os.close(held)
        _remove(self.directory, _SCRATCH if self.kept else (*_SCRATCH, *_STATE))
        if self.kept:
            self._complete_state()
        (self.directory / _RECORD).unlink(missing_ok=True)

    def _complete_state(self) -> None:
        """Changes the saved state so that a restart can continue from it."""
        (self.directory / _PORT).write_text(str(self.port))
        functions = self.directory / "state" / "lambda.json"
        if not functions.exists():
            return
        state = orjson.loads(functions.read_bytes())
        # It saves each function's position in a table stream, but not the stream, which begins
        # again. A function would then skip as many records as it had read before.
        state["payload"]["dynamodb_stream_positions"] = {}
        functions.write_bytes(orjson.dumps(state))

    def answers(self) -> bool:
        """Returns whether it is up and answers."""
        try:
            # This asks only whether it is up. Its certificate may not be written yet.
            health = f"{self.endpoint_url}/_ministack/health"
            return httpx.get(health, timeout=2, verify=False).is_success
        except httpx.TransportError:
            return False

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not (running(self.pid) and self.answers()):
            if not running(self.pid) or time.monotonic() > deadline:
                said = tail(self.directory / LOG)
                # Either ministack or the system writes these words if the port is taken.
                kind = _PortTaken if "already in use" in said else LocalError
                raise kind(f"The emulator did not start:\n{said}")
            time.sleep(0.05)


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
def _holding(*, detached: bool) -> Iterator[tuple[int, Callable[[int], None]]]:
    """Yields the standard input of an emulator that starts.

    Yields:
        The input, and a function that takes the emulator's process once it is started.
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


def forget(directory: Path) -> None:
    """Removes the state that a stopped emulator left in a directory.

    Args:
        directory: The directory.
    """
    _remove(directory, _STATE)


def _remove(directory: Path, folders: Sequence[str]) -> None:
    for folder in folders:
        shutil.rmtree(directory / folder, ignore_errors=True)


def _port_of_state(directory: Path, wanted: int | None) -> int | None:
    """Returns the port that the kept state needs, since URLs of queues contain it."""
    try:
        needed = int((directory / _PORT).read_text())
    except FileNotFoundError:
        return None
    if wanted not in (None, needed):
        raise LocalError(
            f"What the bus has stored needs port {needed}; leave PORT out, or begin again with: "
            "make reset"
        )
    if not _free(needed):
        raise LocalError(
            f"Port {needed} is taken, and what the bus has stored needs it; free the port, or "
            "begin again with: make reset"
        )
    return needed


def _choose_port(wanted: int | None) -> int:
    if wanted is None:
        wanted = _USUAL_PORT if _free(_USUAL_PORT) else 0
    if not _free(wanted):
        raise LocalError(f"Port {wanted} is taken; choose another with PORT=, or none.")
    return wanted


@contextlib.contextmanager
def _held(port: int) -> Iterator[int]:
    """Reserves a port, or any free one for 0, for an emulator that starts.

    The emulator can listen on it meanwhile, since both sockets allow the reuse of an address.
    Another program that allows it and asks for any free port may be given the same one.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((_ADDRESS, port))
        chosen: int = holder.getsockname()[1]
        yield chosen


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_ADDRESS, port))
        except OSError:
            return False
    return True


def _environment(directory: Path, port: int, *, strict: bool, kept: bool) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **passed_on,
        **CREDENTIALS,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": _ADDRESS,
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "TMPDIR": str(directory / "tmp"),
        "S3_DATA_DIR": str(directory / "s3"),
        "STATE_DIR": str(directory / "state"),
        # These listen on fixed ports, which would be taken for a second emulator.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        **(_strict_environment(directory) if strict else {}),
        **({"PERSIST_STATE": "1", "S3_PERSIST": "1"} if kept else {}),
    }


def _strict_environment(directory: Path) -> dict[str, str]:
    # Functions are given this environment, too. Without these names they trust the roots of this
    # machine as well, which take a processor 25 ms to read for each connection.
    trusted = str(_certificate(directory))
    return {"AUTH": "true", "USE_SSL": "1", "AWS_CA_BUNDLE": trusted, "SSL_CERT_FILE": trusted}


def _certificate(directory: Path) -> Path:
    return directory / "tmp" / "ministack-tls" / "server.crt"


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
