"""WebSockets of the client with TLS: one thread uses each, and it ends in time."""

import asyncio
import concurrent.futures
import os
import re
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from event_bus_client import ConnectionFailed, EventBusError
from event_bus_client import sockets as module
from event_bus_client.config import Config
from event_bus_client.loop_thread import LoopThread
from event_bus_client.sockets import AsyncSocket, Socket
from websockets.utils import accept_key

from tests.certificates import certificate, server_context
from tests.hostile import answering_once, subscriber
from tests.waiting import PATIENCE_SECONDS, join

Serve = Callable[[ssl.SSLSocket], None]
Secure = Callable[[Serve], Config]


def is_silent(_: ssl.SSLSocket) -> None:
    """Answers nothing after the handshake of TLS."""


def accepting(key: bytes) -> bytes:
    """The answer that opens a WebSocket."""
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept_key(key.decode()).encode() + b"\r\n\r\n"
    )


def stops_within_a_record(connection: ssl.SSLSocket) -> None:
    """Opens a WebSocket, and then sends the beginning of a record of TLS."""
    asked = re.search(rb"Sec-WebSocket-Key: (\S+)", connection.recv(65_536))
    assert asked
    connection.sendall(accepting(asked[1]))
    connection.recv(65_536)
    socket.socket.sendall(connection, b"\x17\x03\x03\x40\x00")


def reads_nothing(connection: ssl.SSLSocket) -> None:
    """Opens a WebSocket, and then reads nothing."""
    asked = re.search(rb"Sec-WebSocket-Key: (\S+)", connection.recv(65_536))
    assert asked
    connection.sendall(accepting(asked[1]))


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Secure]:
    """Serves one connection, which stays open until the end of the test."""
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.2)
    shown = certificate("127.0.0.1")
    context = server_context(shown, tmp_path)
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(shown.pem())
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)
    over, threads = threading.Event(), []

    def start(serve: Serve) -> Config:
        def accept() -> None:
            plain, _ = listener.accept()
            plain.settimeout(10)
            with plain, context.wrap_socket(plain, server_side=True) as connection:
                serve(connection)
                over.wait(30)

        threads.append(threading.Thread(target=accept))
        threads[-1].start()
        url = f"wss://127.0.0.1:{listener.getsockname()[1]}"
        return Config("https://bus.test", "key", str(trusted), url)

    yield start
    over.set()
    join(*threads)
    listener.close()


def in_time(act: Callable[[], object]) -> None:
    """Does something in a thread that may not take long."""
    acting = threading.Thread(target=act, daemon=True)
    acting.start()
    # The server keeps connections longer.
    join(acting, seconds=20)


def test_a_bus_that_answers_nothing_is_given_up(
    secure: Secure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OPEN_SECONDS", 0.5)
    config, failures = secure(is_silent), list[EventBusError]()

    def connect() -> None:
        try:
            Socket.connect(config)
        except EventBusError as failure:
            failures.append(failure)

    in_time(connect)
    [failure] = failures
    assert isinstance(failure, ConnectionFailed)
    assert "timed out" in str(failure)


LARGE = {"text": "x" * 20_000_000}
"""More than the buffers of a connection hold."""


def test_a_message_that_the_bus_does_not_read_ends_the_connection(
    secure: Secure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEND_SECONDS", 0.5)
    connection, failures = Socket.connect(secure(reads_nothing)), list[EventBusError]()

    def send() -> None:
        try:
            # asyncio takes a message or two more than the buffers hold.
            for _ in range(3):
                connection.send(LARGE)
        except EventBusError as failure:
            failures.append(failure)

    in_time(send)
    assert [type(each) for each in failures] == [ConnectionFailed]
    in_time(connection.close)


def test_a_connection_is_closed_within_a_record(secure: Secure) -> None:
    sent = threading.Event()

    def serve(connection: ssl.SSLSocket) -> None:
        stops_within_a_record(connection)
        sent.set()

    connection = Socket.connect(secure(serve))
    connection.send({"action": "ping"})
    assert sent.wait(PATIENCE_SECONDS)
    in_time(connection.close)
    in_time(connection.close)
    with pytest.raises(ConnectionFailed, match="closed"):
        connection.send({"action": "ping"})


def test_one_thread_uses_a_connection(secure: Secure, monkeypatch: pytest.MonkeyPatch) -> None:
    # OpenSSL answers some handshakes with silence if a thread writes while another one reads.
    users: set[str] = set()

    def note(of: Any, name: str) -> None:
        call = getattr(of, name)

        def noted(*arguments: Any, **options: Any) -> Any:
            users.add(threading.current_thread().name)
            return call(*arguments, **options)

        monkeypatch.setattr(of, name, noted)

    for name in ("recv", "send", "sendall"):
        note(ssl.SSLSocket, name)
    for name in ("read", "write"):
        note(ssl.SSLObject, name)

    def serve(connection: ssl.SSLSocket) -> None:
        threading.current_thread().name = "bus"
        stops_within_a_record(connection)

    with closing(Socket.connect(secure(serve))) as connection:
        connection.send({"action": "ping"})
        assert connection.receive(0.05) is None
    assert len(users - {"bus"}) == 1, users


def test_what_waits_is_told_when_its_thread_ends() -> None:
    thread, failures = LoopThread(), list[ConnectionFailed]()
    began = threading.Event()

    async def wait_for_ever() -> None:
        began.set()
        await asyncio.Event().wait()

    def wait() -> None:
        try:
            thread.result(wait_for_ever())
        except ConnectionFailed as failure:
            failures.append(failure)

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    assert began.wait(PATIENCE_SECONDS)
    thread.close()
    join(waiting)
    assert len(failures) == 1
    with pytest.raises(ConnectionFailed):
        thread.result(wait_for_ever())
    thread.close()


def test_what_nobody_waits_for_any_more_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    began, cancelled = threading.Event(), threading.Event()

    async def wait_for_ever() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    def interrupted(_: object) -> NoReturn:
        assert began.wait(PATIENCE_SECONDS)
        raise KeyboardInterrupt

    monkeypatch.setattr(concurrent.futures.Future, "result", interrupted)
    with closing(LoopThread()) as thread:
        with pytest.raises(KeyboardInterrupt):
            thread.result(wait_for_ever())
        assert cancelled.wait(PATIENCE_SECONDS)


def test_a_forked_process_does_not_wait_for_a_thread_that_it_does_not_have() -> None:
    with closing(LoopThread()) as thread:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(int(PATIENCE_SECONDS))
            try:
                thread.result(asyncio.sleep(0))
            except ConnectionFailed:
                thread.close()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        # In its own process it works.
        assert thread.result(asyncio.sleep(0, "done")) == "done"


def test_a_cancelled_task_leaves_no_connection_open() -> None:
    aborted = list[bool]()

    class Open:
        transport = SimpleNamespace(abort=lambda: aborted.append(True))

        async def close(self) -> None:
            await asyncio.Event().wait()

    async def leave() -> None:
        leaving = asyncio.ensure_future(AsyncSocket(Open()).aclose())  # type: ignore[arg-type]
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])

    asyncio.run(leave())
    assert aborted == [True]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_key_follows_a_redirect(status: int) -> None:
    with subscriber(answering_once("HTTP/1.1 404 No\r\n\r\n")) as elsewhere:
        other = elsewhere.url.replace("http:", "ws:")
        answer = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {other}\r\nContent-Length: 0\r\n\r\n"
        with subscriber(answering_once(answer)) as first:
            url = first.url.replace("http:", "ws:")
            with pytest.raises(EventBusError):
                Socket.connect(Config("http://bus", "secret", None, url))
        assert first.requests
        assert elsewhere.requests == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_key_follows_a_redirect_with_asyncio(status: int) -> None:
    async def attack() -> list[bytes]:
        seen: list[bytes] = []

        async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.close()

        async def redirecting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            location = f"Location: ws://127.0.0.1:{port_of(other)}/\r\n"
            head = f"HTTP/1.1 {status} Elsewhere\r\n{location}Content-Length: 0\r\n\r\n"
            writer.write(head.encode())
            await writer.drain()
            writer.close()

        other = await asyncio.start_server(elsewhere, "127.0.0.1", 0)
        first = await asyncio.start_server(redirecting, "127.0.0.1", 0)
        async with other, first:
            url = f"ws://127.0.0.1:{port_of(first)}"
            with pytest.raises(EventBusError):
                await AsyncSocket.connect(Config("http://bus", "secret", None, url))
        return seen

    assert asyncio.run(attack()) == []


def port_of(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port
