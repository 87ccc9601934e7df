"""Starts, finds and stops the emulator's process."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson

from localstack import emulator_process, ports
from localstack.emulator_process import running
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
_RECORD = "emulator.json"
_PORT = "state/port"
_SCRATCH = ("tmp",)
_STATE = ("s3", "state")
_START_SECONDS = 60
_TRIES = 3
"""How often an emulator starts on a free port: another program may listen on it first."""

# The variables of the caller's environment that the emulator, and so its functions, receive.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT")


class _PortTaken(LocalError):
    """Another program listens on the port."""


@dataclass(frozen=True, slots=True)
class _Launch:
    """How an emulator is started.

    Attributes:
        directory: The folder for its files.
        port: Its port.
        strict: Whether it accepts only TLS, and enforces the policies of IAM.
        kept: Whether it loads the state that the last one saved, and saves its own.
        detached: Whether it goes on when this process ends.
    """

    directory: Path
    port: int
    strict: bool
    kept: bool
    detached: bool

    def start_process(self) -> int:
        """Starts the emulator's process, and returns its number."""
        _remove(self.directory, _SCRATCH if self.kept else (*_SCRATCH, *_STATE))
        for folder in (*_SCRATCH, *_STATE):
            (self.directory / folder).mkdir(exist_ok=True)
        with (
            (self.directory / LOG).open("wb") as log,
            emulator_process.holding(detached=self.detached) as (stdin, hold),
        ):
            process = subprocess.Popen(
                # -P: the emulator does not import modules from the folder of this file.
                [sys.executable, "-P", str(_PROCESS), *([] if self.detached else [_ATTACHED])],
                cwd=self.directory,
                env=self._environment(),
                stdin=stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C does not reach it, and it is stopped as a whole.
                start_new_session=True,
            )
            hold(process.pid)
        return process.pid

    def _environment(self) -> dict[str, str]:
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {
            **passed_on,
            **CREDENTIALS,
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": ports.ADDRESS,
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "TMPDIR": str(self.directory / "tmp"),
            "S3_DATA_DIR": str(self.directory / "s3"),
            "STATE_DIR": str(self.directory / "state"),
            # These listen on fixed ports, which would be taken for a second emulator.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            **(self._strict_environment() if self.strict else {}),
            **({"PERSIST_STATE": "1", "S3_PERSIST": "1"} if self.kept else {}),
        }

    def _strict_environment(self) -> dict[str, str]:
        # Functions are given this environment, too. Without these names they trust the roots of
        # this machine as well, which take a processor 25 ms to read for each connection.
        trusted = str(_certificate(self.directory))
        return {"AUTH": "true", "USE_SSL": "1", "AWS_CA_BUNDLE": trusted, "SSL_CERT_FILE": trusted}


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
        wanted = (kept and _port_of_state(directory, port)) or ports.choose_port(port)
        directory.mkdir(parents=True, exist_ok=True)
        for left in reversed(range(_TRIES if wanted == 0 else 1)):
            try:
                with ports.held(wanted) as held:
                    return cls._start(_Launch(directory, held, strict, kept, detached))
            except _PortTaken:
                if not left:
                    raise
        raise AssertionError("unreachable")

    @classmethod
    def _start(cls, launch: _Launch) -> "Emulator":
        pid = launch.start_process()
        emulator = cls(launch.directory, pid, launch.port, launch.strict, launch.kept)
        try:
            emulator._wait_until_up()
            record = {
                "pid": pid,
                "port": launch.port,
                "strict": launch.strict,
                "kept": launch.kept,
            }
            (launch.directory / _RECORD).write_text(json.dumps(record))
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
        emulator_process.end(self.pid)
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
    if not ports.is_free(needed):
        raise LocalError(
            f"Port {needed} is taken, and what the bus has stored needs it; free the port, or "
            "begin again with: make reset"
        )
    return needed


def _certificate(directory: Path) -> Path:
    return directory / "tmp" / "ministack-tls" / "server.crt"
