"""A TCP proxy that spoils connections: cuts, resets, delays and truncates them, as networks do."""

import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_RESET = struct.pack("ii", 1, 0)
_END = struct.pack("ii", 0, 0)
_PIECE = 65_536


@dataclass(frozen=True)
class ConnectionFault:
    """What becomes of one connection.

    Attributes:
        refuse: Whether it is closed before anything is sent on.
        request_bytes: After how many bytes of what the client sends it is cut; None never.
        answer_bytes: After how many bytes of what the server sends it is cut; None never.
        reset: Whether it is cut by a reset, and not by an orderly end.
        delay: How long each piece is held up, in seconds.
    """

    refuse: bool = False
    request_bytes: int | None = None
    answer_bytes: int | None = None
    reset: bool = False
    delay: float = 0.0


def any_fault(chance: random.Random, *, share: float = 0.5, after: int = 0) -> ConnectionFault:
    """Draws a fault.

    Args:
        chance: Where from.
        share: How many of all connections fail at their first request; the others do later.
        after: How many bytes pass before anything fails, as for the handshake of TLS.
    """
    reset, cut = chance.random() < 0.5, after + chance.randrange(1, 2_000)
    if chance.random() >= share:
        return ConnectionFault(answer_bytes=after + chance.randrange(500, 8_000), reset=reset)
    return chance.choice(
        [
            ConnectionFault(refuse=True, reset=reset),
            ConnectionFault(request_bytes=cut, reset=reset),
            ConnectionFault(answer_bytes=cut, reset=reset),
            # The request arrives, and its answer is lost.
            ConnectionFault(answer_bytes=after, reset=reset),
            ConnectionFault(answer_bytes=cut, delay=chance.uniform(0.001, 0.02)),
        ]
    )


@dataclass
class FlakyProxy:
    """Forwards connections to one server.

    Attributes:
        server: Where to.
        fault: Decides what becomes of a connection, by its number from 0 on.
        connections: How many there were.
        closed: Whether connections are refused.
    """

    server: tuple[str, int]
    fault: Callable[[int], ConnectionFault]
    connections: int = 0
    closed: bool = False
    _listener: socket.socket = field(default_factory=socket.socket)

    @property
    def port(self) -> int:
        """Where it listens, on this machine."""
        port: int = self._listener.getsockname()[1]
        return port

    def start(self) -> None:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            fault = (
                ConnectionFault(refuse=True, reset=True)
                if self.closed
                else self.fault(self.connections)
            )
            self.connections += 1
            threading.Thread(target=self._forward, args=(client, fault), daemon=True).start()

    def _forward(self, client: socket.socket, fault: ConnectionFault) -> None:
        if fault.refuse:
            _cut(client, reset=fault.reset)
            return
        try:
            server = socket.create_connection(self.server, 10)
        except OSError:
            _cut(client, reset=True)
            return
        for each in (client, server):
            # Otherwise a piece waits for the receipt of the one before it, up to 40 ms.
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def cut() -> None:
            _cut(client, reset=fault.reset)
            _cut(server, reset=fault.reset)

        answering = threading.Thread(
            target=_pump, args=(server, client, fault.answer_bytes, fault.delay, cut), daemon=True
        )
        answering.start()
        _pump(client, server, fault.request_bytes, fault.delay, cut)
        answering.join(60)
        cut()


def _pump(
    source: socket.socket,
    target: socket.socket,
    most: int | None,
    delay: float,
    cut: Callable[[], None],
) -> None:
    """Passes on what comes from one side, until its end or the fault."""
    passed, ended = 0, threading.Event()
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            if delay:
                ended.wait(delay)
            if most is not None and passed + len(piece) > most:
                target.sendall(piece[: most - passed])
                cut()
                return
            target.sendall(piece)
            passed += len(piece)
        target.shutdown(socket.SHUT_WR)


def _cut(connection: socket.socket, *, reset: bool) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET if reset else _END)
        # Whoever reads from it in another thread must let go of it, or it stays open.
        connection.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
    connection.close()


@contextmanager
def flaky(server: tuple[str, int], fault: Callable[[int], ConnectionFault]) -> Iterator[FlakyProxy]:
    """A proxy that listens until the end of the block."""
    proxy = FlakyProxy(server, fault)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
