"""Ends a request when its time is over, with asyncio and without it.

httpx limits each read and each write, so a server that sends or takes a byte now and then could
hold a request for ever. asyncio can cancel a request at any place. Without asyncio, each read and
each write gets the time that its request has left.
"""

import time
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any

import httpx

_PIECE_BYTES = 16_384
"""How much is written at a time, so that time can run out between two pieces."""

_ends: ContextVar[float] = ContextVar("_ends", default=float("inf"))
"""When the time of this thread's request is over, by the monotonic clock."""


class AsyncDeadline:
    """Ends the block with `httpx.ReadTimeout` when its time is over, with asyncio."""

    def __init__(self, seconds: float) -> None:
        """Sets the time limit; the time begins with the block.

        Args:
            seconds: How long the block may take.
        """
        self._seconds = seconds

    @staticmethod
    def kept_by(client: httpx.AsyncClient) -> httpx.AsyncClient:
        """Returns a client as it is: its requests can be cancelled."""
        return client

    async def __aenter__(self) -> None:
        from anyio import fail_after  # noqa: PLC0415 - programs without asyncio do not need it

        self._scope: AbstractContextManager[Any] = fail_after(self._seconds)
        self._scope.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        try:
            return self._scope.__exit__(kind, error, trace)
        except TimeoutError as late:
            raise httpx.ReadTimeout("the answer did not end in time") from late


class Deadline:
    """Ends the block with `httpx.TimeoutException` when its time is over.

    Within the block, the time counts for clients that `kept_by` has changed. Three things may take
    longer: the lookup of a name, attempts to connect to several addresses of one name, and a TLS
    record that arrives byte by byte through a proxy with TLS of its own.
    """

    def __init__(self, seconds: float) -> None:
        """Sets the time limit; the time begins with the block.

        Args:
            seconds: How long the block may take.
        """
        self._seconds = seconds

    @staticmethod
    def kept_by(client: httpx.Client) -> httpx.Client:
        """Has the connections of a client keep the deadline of the thread that uses them.

        Returns:
            The same client.
        """
        # httpx has no option for this. The others are those of proxies, from the environment.
        for transport in (client._transport, *client._mounts.values()):
            pool = getattr(transport, "_pool", None)
            if pool is not None:
                pool._network_backend = _Network(pool._network_backend)
        return client

    def __enter__(self) -> None:
        self._token: Token[float] = _ends.set(time.monotonic() + self._seconds)

    def __exit__(self, *_: object) -> None:
        _ends.reset(self._token)


class _Network:
    """Opens connections that keep deadlines; otherwise what it wraps, a backend of httpcore."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, **options: Any
    ) -> "_Stream":
        stream = self._backend.connect_tcp(host, port, timeout=_left(timeout), **options)
        return _Stream(stream)


class _Stream:
    """A connection that keeps deadlines; otherwise what it wraps, a stream of httpcore."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        return self._stream.read(max_bytes, timeout=_left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE_BYTES):
            self._stream.write(buffer[start : start + _PIECE_BYTES], timeout=_left(timeout))

    def start_tls(self, *arguments: Any, timeout: float | None = None, **options: Any) -> "_Stream":
        stream = self._stream.start_tls(*arguments, timeout=_left(timeout), **options)
        return _Stream(stream)


def _left(timeout: float | None) -> float | None:
    """Returns the seconds for a part of a request: at most those that the whole one has left."""
    left = _ends.get() - time.monotonic()
    if left <= 0:
        raise httpx.ReadTimeout("the answer did not end in time")
    if left == float("inf"):
        return timeout
    return left if timeout is None else min(timeout, left)
