"""An emulator starts where it is told, is found again, and leaves nothing when it stops."""

import contextlib
import io
import json
import os
import select
import socket
import ssl
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from localstack_client.session import Session  # type: ignore[import-untyped]

from localstack import ports
from localstack.batching_windows import LONGEST_SECONDS
from localstack.emulator import LOG, Emulator
from localstack.emulator_process import running
from localstack.errors import LocalError
from tests.end_to_end.receiver import eventually
from tests.waiting import PATIENCE_SECONDS, ending


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    started = Emulator.start(tmp_path / "emulator", port=0)
    yield started
    started.stop()


def test_it_answers_and_is_found_again(emulator: Emulator) -> None:
    assert emulator.answers()
    assert Emulator.find(emulator.directory) == emulator


def test_it_leaves_neither_processes_nor_files(emulator: Emulator) -> None:
    emulator.stop()
    assert not emulator.answers()
    assert not running(emulator.pid)
    assert Emulator.find(emulator.directory) is None
    assert [file.name for file in emulator.directory.iterdir()] == ["emulator.log"]


def test_stopping_twice_is_no_fault(emulator: Emulator) -> None:
    emulator.stop()
    emulator.stop()


def test_clients_that_keep_connections_do_not_delay_its_end(tmp_path: Path) -> None:
    emulator = Emulator.start(tmp_path / "emulator", port=0, strict=True)
    try:
        trusted = ssl.create_default_context(cafile=emulator.certificate)
        address = ("localhost", emulator.port)
        with (
            socket.create_connection(address, 20) as connection,
            trusted.wrap_socket(connection, server_hostname="localhost") as client,
        ):
            client.sendall(b"GET /_ministack/health HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
            started = time.monotonic()
            emulator.stop()
            assert time.monotonic() - started < 20
    finally:
        emulator.stop()
    assert "Traceback" not in (emulator.directory / LOG).read_text()


def test_two_run_side_by_side(emulator: Emulator, tmp_path: Path) -> None:
    other = Emulator.start(tmp_path / "other", port=0)
    try:
        assert other.port != emulator.port
        assert emulator.answers()
        assert other.answers()
    finally:
        other.stop()
    assert emulator.answers()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalError, match=f"Port {port} is taken"):
            Emulator.start(tmp_path, port=port)


def test_another_free_port_is_tried_if_a_program_takes_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve, reserved = ports.held, list[int]()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        @contextlib.contextmanager
        def held(port: int) -> Iterator[int]:
            with reserve(port) as chosen:
                if not reserved:
                    # As a server of a test may that asks for any free port.
                    taken.bind(("127.0.0.1", chosen))
                    taken.listen()
                reserved.append(chosen)
                yield chosen

        monkeypatch.setattr(ports, "held", held)
        started = Emulator.start(tmp_path / "emulator", port=0)
        try:
            assert started.answers()
            assert len(reserved) == 2
            assert started.port == reserved[1] != reserved[0]
        finally:
            started.stop()


STARTED = """
import sys
from pathlib import Path
from localstack.emulator import Emulator
directory, how = sys.argv[1:]
detached, kept = how == "detached", how == "kept"
emulator = Emulator.start(Path(directory), port=0, detached=detached, kept=kept)
print(emulator.pid, emulator.port, flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def started_elsewhere(directory: Path, how: str) -> Iterator[tuple[Emulator, Any]]:
    """Yields an emulator, and the process that started it, which runs until its input ends."""
    with (
        subprocess.Popen(
            [sys.executable, "-c", STARTED, str(directory), how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
        ending(process, 120),
    ):
        assert process.stdout
        pid, port = map(int, process.stdout.readline().split())
        yield Emulator(directory, pid, port, kept=how == "kept"), process


@pytest.mark.parametrize(
    ("how", "killed", "files"),
    [
        ("attached", True, {"emulator.log"}),
        ("attached", False, {"emulator.log"}),
        ("kept", True, {"emulator.log", "s3", "state", "state/before", "state/port"}),
    ],
)
def test_it_ends_with_the_process_that_started_it(
    tmp_path: Path, how: str, files: set[str], *, killed: bool
) -> None:
    with started_elsewhere(tmp_path / "emulator", how) as (emulator, process):
        handle = os.pidfd_open(emulator.pid)
        (emulator.directory / "state" / "before").touch()
        if killed:
            process.kill()
        else:
            process.stdin.close()
    end = select.poll()
    end.register(handle, select.POLLIN)
    try:
        assert end.poll(1000 * PATIENCE_SECONDS)
    finally:
        os.close(handle)
        emulator.stop()
    left = emulator.directory.rglob("*")
    assert {str(each.relative_to(emulator.directory)) for each in left} == files


def test_a_detached_one_outlives_the_command_that_started_it(tmp_path: Path) -> None:
    with started_elsewhere(tmp_path / "emulator", "detached") as (emulator, process):
        process.kill()
    try:
        eventually(emulator.answers)
    finally:
        emulator.stop()


def test_it_is_stopped_from_another_process(emulator: Emulator) -> None:
    stop = f"""
from pathlib import Path
from localstack.emulator import Emulator
Emulator.find(Path({str(emulator.directory)!r})).stop()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", stop], check=True, env=environment, timeout=120)
    assert not emulator.answers()


def packed(code: str) -> bytes:
    """An archive with the module `handler`; the same code gives the same bytes at any time."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("handler.py"), code)
    return archive.getvalue()


def create_function(lambda_: Any, name: str, code: str, layers: list[str] | None = None) -> None:
    lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="handler.handler",
        Role="arn:aws:iam::000000000000:role/none",
        Code={"ZipFile": packed(code)},
        Layers=layers or [],
    )


def invoked(lambda_: Any, name: str) -> Any:
    return json.load(lambda_.invoke(FunctionName=name)["Payload"])


def test_functions_die_with_it(emulator: Emulator) -> None:
    lambda_ = Session(localstack_host=f"localhost:{emulator.port}").client("lambda")
    create_function(lambda_, "pid", "import os\ndef handler(*_): return os.getpid()\n")
    worker = invoked(lambda_, "pid")
    assert running(worker)
    emulator.stop()
    assert not running(worker)


def test_functions_share_what_is_unpacked_and_new_code_is_run(emulator: Emulator) -> None:
    lambda_ = Session(localstack_host=f"localhost:{emulator.port}").client("lambda")

    def code(number: int) -> str:
        return (
            "import os, layered\n"
            "files = [os.path.realpath(each) for each in (__file__, layered.__file__)]\n"
            f"def handler(*_): return [{number}, *files]\n"
        )

    layer = io.BytesIO()
    with zipfile.ZipFile(layer, "w") as archive:
        archive.writestr("python/layered.py", "")
    made = lambda_.publish_layer_version(LayerName="one", Content={"ZipFile": layer.getvalue()})
    for name in ("first", "second"):
        create_function(lambda_, name, code(1), [made["LayerVersionArn"]])
    first = invoked(lambda_, "first")
    assert first[0] == 1
    assert invoked(lambda_, "second") == first
    lambda_.update_function_code(FunctionName="second", ZipFile=packed(code(2)))
    number, own, layered = invoked(lambda_, "second")
    assert (number, layered) == (2, first[2])
    assert own != first[1]
    assert invoked(lambda_, "first") == first


def test_a_function_with_a_batching_window_gets_a_second_batch_later(
    emulator: Emulator, tmp_path: Path
) -> None:
    clients = Session(localstack_host=f"localhost:{emulator.port}")
    seen = tmp_path / "batches"
    write = f"open({str(seen)!r}, 'a').write(f'{{time.time()}}\\n')"
    create_function(clients.client("lambda"), "noting", f"import time\ndef handler(*_): {write}\n")
    queues = clients.client("sqs")
    queue = queues.create_queue(QueueName="orders")["QueueUrl"]
    named = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    clients.client("lambda").create_event_source_mapping(
        FunctionName="noting",
        EventSourceArn=named["Attributes"]["QueueArn"],
        MaximumBatchingWindowInSeconds=60,
    )

    def batches() -> list[float]:
        return [float(each) for each in seen.read_text().split()] if seen.exists() else []

    queues.send_message(QueueUrl=queue, MessageBody="{}")
    eventually(lambda: len(batches()) == 1)
    queues.send_message(QueueUrl=queue, MessageBody="{}")
    eventually(lambda: len(batches()) == 2)
    first, second = batches()
    assert second - first > LONGEST_SECONDS - 0.1
