"""Connections to callbacks: to addresses that were checked, each within one deadline."""

import errno
import os
import queue
import select
import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util.ssl_ import ALPN_PROTOCOLS, create_urllib3_context

from event_bus import times
from event_bus.callbacks.addresses import Network, may_lead_to
from event_bus.callbacks.answers import StrictAnswer
from event_bus.timers import Timers

CONNECT_SECONDS = 5.0
"""The most seconds that connecting may take, from the look-up of the name on."""

MAX_IDLE_SECONDS = 4.0
"""How long a connection may be idle before it is used again; many servers end it after five."""

MAX_AGE_SECONDS = 60.0
"""How old a connection may be when it is used again; a new connection looks the name up again."""

_Found = list[tuple[Any, ...]]

_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class ForbiddenAddress(HTTPError):
    """A host has an address that callbacks must not lead to."""


class NoRouteToIPv6(HTTPError):
    """A host has only IPv6 addresses, and this machine has no route to any of them."""


class Exchange:
    """One request and its answer, which end at the deadline in any phase.

    A socket's own timeout starts again with each byte, so a subscriber that sends single bytes
    would never reach it.

    Attributes:
        passed: Whether the time is over.
        reused: Whether its connection was used before.
        sent: Whether the head of its request was sent.
        renewed: Whether it must use a new connection.
    """

    def __init__(self, seconds: float, allowed: Sequence[Network]) -> None:
        """Makes an exchange, whose time begins when its `with` block is entered.

        Args:
            seconds: Its longest duration.
            allowed: Networks that it may lead to although they are in a forbidden range.
        """
        self.passed = self.reused = self.sent = self.renewed = False
        self._allowed = allowed
        self._connect_seconds = min(seconds, CONNECT_SECONDS)
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._seconds = seconds

    def __enter__(self) -> "Exchange":
        _running.exchange = self
        self._timer = _timers.after(self._seconds, self._pass)
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        _running.exchange = None

    def release(self) -> None:
        """Releases the connection; the exchange has no further influence on it."""
        self._timer.cancel()
        with self._lock:
            self._forget()

    def take_a_new_connection(self) -> None:
        """Prepares for a repetition of the request, over a new connection."""
        self.reused = self.sent = False
        self.renewed = True

    def connect(self, connection: HTTPConnection) -> socket.socket:
        """Connects to one of the addresses of a host, if callbacks may lead to all of them.

        The name is looked up once, and its checked addresses are those connected to. So it has no
        effect if the name leads elsewhere afterwards (DNS rebinding).

        Raises:
            ForbiddenAddress: Callbacks must not lead to one of the addresses.
            NameResolutionError: The name has no address.
            ConnectTimeoutError: It took too long.
            NoRouteToIPv6: The host has only IPv6 addresses, and there is no route to them.
            NewConnectionError: No address took the connection.
        """
        until = times.steady() + self._connect_seconds
        try:
            found = _look_up(connection.host, connection.port or 0, self._connect_seconds)
        except (socket.gaierror, UnicodeError) as error:
            refused = socket.gaierror(str(error))
            raise NameResolutionError(connection.host, connection, refused) from error
        except queue.Empty:
            raise ConnectTimeoutError(connection, "the look-up took too long") from None
        if not all(may_lead_to(address[4][0], self._allowed) for address in found):
            raise ForbiddenAddress(connection.host)
        refusal: OSError | None = None
        for place, address in enumerate(found):
            # Each address gets a share of the time, so that a dead one does not use all of it.
            share = (until - times.steady()) / (len(found) - place)
            try:
                connected = _connected(address, share, connection)
            except OSError as error:
                refusal = error
                continue
            connected.settimeout(max(until - times.steady(), 0.001))
            self.watch(connected)
            return connected
        if isinstance(refusal, TimeoutError):
            raise ConnectTimeoutError(connection, "no address answered in time") from refusal
        if _only_ipv6(found) and refusal and refusal.errno in _NO_ROUTE:
            raise NoRouteToIPv6(connection.host) from refusal
        raise NewConnectionError(connection, "no address took the connection") from refusal

    def watch(self, connection: socket.socket) -> None:
        """Watches the connection of the exchange, and shuts it down when the time is over."""
        with self._lock:
            self._forget()
            # Through a duplicate descriptor, because the TLS handshake takes over the socket's.
            self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        if self.passed:
            self._pass()

    def answered(self) -> bool:
        """Returns whether bytes of an answer have arrived and were not read yet."""
        with self._lock:
            if not (self.sent and self._socket):
                return False
            arrived = select.poll()
            arrived.register(self._socket, select.POLLIN)
            return bool(arrived.poll(0))

    def _pass(self) -> None:
        self.passed = True
        with self._lock:
            if self._socket:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def _forget(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None


class _Running(threading.local):
    exchange: Exchange | None = None


_running = _Running()
_timers = Timers()


def _exchange() -> Exchange:
    if _running.exchange is None:
        raise RuntimeError("callbacks are made within an exchange")
    return _running.exchange


class _Guarded(HTTPConnection):
    """A connection that its exchange makes, and can end from its first byte on."""

    response_class = StrictAnswer

    def _new_conn(self) -> socket.socket:
        made = _exchange().connect(self)
        self._made = times.steady()
        return made

    def send(self, data: Any) -> None:
        try:
            super().send(data)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            # After a BrokenPipeError, urllib3 reads what the subscriber answered before it ended
            # the connection. Without TLS, the socket raises that error itself.
            raise BrokenPipeError from error
        _exchange().sent = True

    def rest(self) -> None:
        """Remembers when the connection was kept for another exchange."""
        self._rests = times.steady()

    def use_again(self, exchange: Exchange) -> None:
        """Uses the connection for another exchange, or closes it if it is too old for that.

        The address was checked when the connection was made.
        """
        if self.sock is None:
            return
        worn_out = (
            times.steady() - self._rests > MAX_IDLE_SECONDS
            or times.steady() - self._made > MAX_AGE_SECONDS
        )
        if worn_out or exchange.renewed:
            self.close()
            return
        exchange.reused = True
        exchange.watch(self.sock)


class _GuardedTLS(_Guarded, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _Guarded

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)
        connection.use_again(_exchange())  # type: ignore[attr-defined]
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            # Another exchange may take the connection at once, and this timer must not end it.
            _exchange().release()
            conn.rest()
        super()._put_conn(conn)


class _HTTPSPool(_HTTPPool, HTTPSConnectionPool):
    ConnectionCls = _GuardedTLS


class _Pools(urllib3.PoolManager):
    """Pools whose connections have one TLS context.

    Reading the root certificates takes about 20 ms of a processor, which urllib3 spends on each
    connection.
    """

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """The TLS context."""
        context = create_urllib3_context()
        context.load_default_certs()
        context.set_alpn_protocols(ALPN_PROTOCOLS)
        # urllib3 sets them again for each connection, while other threads may read them.
        context.set_alpn_protocols = lambda _: None  # type: ignore[assignment,method-assign]
        return context

    def _new_pool(
        self, scheme: str, host: str, port: int, request_context: dict[str, Any] | None = None
    ) -> HTTPConnectionPool:
        if scheme == "https" and request_context is not None:
            request_context["ssl_context"] = self.tls
        return super()._new_pool(scheme, host, port, request_context)


def connection_pools() -> urllib3.PoolManager:
    """Makes pools of connections, without proxies of the environment and without redirects."""
    pools = _Pools(
        num_pools=64,
        maxsize=10,
        retries=False,
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=None),
    )
    pools.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
    return pools


def _only_ipv6(found: _Found) -> bool:
    return all(address[0] == socket.AF_INET6 for address in found)


def _look_up(host: str, port: int, seconds: float) -> _Found:
    # The resolver cannot be interrupted; it is abandoned if it takes too long.
    answers: queue.SimpleQueue[_Found | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    answer = answers.get(timeout=seconds)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _connected(
    address: tuple[Any, ...], seconds: float, connection: HTTPConnection
) -> socket.socket:
    family, kind, protocol, _, place = address
    made = socket.socket(family, kind, protocol)
    try:
        for option in connection.socket_options or ():
            made.setsockopt(*option)
        made.settimeout(max(seconds, 0.001))
        made.connect(place)
    except OSError:
        made.close()
        raise
    return made
