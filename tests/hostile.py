"""Subscribers on this machine that answer as a script says, byte by byte."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Talk = Callable[["HostileConnection"], None]
"""What a subscriber does with a connection."""


@dataclass
class HostileConnection:
    """One connection to a subscriber.

    Attributes:
        socket: The connection.
        over: Set when the test ends; a subscriber that waits, waits for it.
        requests: The headers and bodies of the requests that were read, of all connections.
        lines: The first lines of these requests.
    """

    socket: socket.socket
    over: threading.Event
    requests: list[tuple[dict[str, str], bytes]]
    lines: list[str] = field(default_factory=list)

    def read(self) -> bool:
        """Reads one request; False where there is none any more."""
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = self.socket.recv(65_536)
            if not chunk:
                return False
            head += chunk
        head, _, body = head.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        while len(body) < int(headers.get("content-length", 0)):
            chunk = self.socket.recv(65_536)
            if not chunk:
                return False
            body += chunk
        self.lines.append(first)
        self.requests.append((headers, body))
        return True

    def say(self, text: str | bytes) -> None:
        self.socket.sendall(text.encode() if isinstance(text, str) else text)

    def drip(self, text: str) -> None:
        """Sends a text for ever, one byte after the other."""
        while not self.over.is_set():
            for character in text:
                self.say(character)
                if self.over.wait(0.02):
                    return

    def reset(self) -> None:
        """Breaks the connection off."""
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def resets(conversation: HostileConnection) -> None:
    """Reads a request, and breaks the connection off."""
    conversation.read()
    conversation.reset()


def hangs(conversation: HostileConnection) -> None:
    """Reads a request, and never answers."""
    conversation.read()
    conversation.over.wait()


def drips_its_status(conversation: HostileConnection) -> None:
    """Reads a request, and answers with a status line that does not end."""
    conversation.read()
    conversation.drip("HTTP/1.1 200 OK and so on and so on and so on ")


@dataclass
class HostileSubscriber:
    """A subscriber that listens.

    Attributes:
        url: Where it listens.
        requests: The headers and bodies of the requests that it read.
        lines: The first lines of these requests.
        connections: How many connections were made to it.
    """

    url: str
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    connections: int = 0


@contextmanager
def subscriber(*talks: Talk) -> Iterator[HostileSubscriber]:
    """A subscriber that listens until the end of the block, and talks so on each connection.

    The last talk is that of all further connections.
    """
    over = threading.Event()
    threads: list[threading.Thread] = []
    open_sockets: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))
    made = HostileSubscriber(f"http://127.0.0.1:{listener.getsockname()[1]}/events")

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            talk = talks[min(made.connections, len(talks)) - 1]
            talk(HostileConnection(connection, over, made.requests, made.lines))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            made.connections += 1
            open_sockets.append(connection)
            threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
            threads[-1].start()

    threads.append(threading.Thread(target=accept, daemon=True))
    threads[0].start()
    try:
        yield made
    finally:
        over.set()
        for each in (listener, *open_sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()


def unused_url() -> str:
    """A URL on this machine where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"http://127.0.0.1:{probe.getsockname()[1]}/events"


def answering(answer: str | bytes) -> Talk:
    """A subscriber that gives every request the same answer, on one connection if it can."""

    def talk(conversation: HostileConnection) -> None:
        while conversation.read():
            conversation.say(answer)

    return talk


def answering_once(answer: str | bytes) -> Talk:
    """A subscriber that closes the connection behind its answer."""

    def talk(conversation: HostileConnection) -> None:
        conversation.read()
        conversation.say(answer)

    return talk
