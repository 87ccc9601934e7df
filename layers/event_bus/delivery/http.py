"""Delivery by HTTP: a POST of the event, signed after Standard Webhooks."""

import os
import socket
import threading
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, cast

import orjson
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from event_bus import times
from event_bus.delivery.envelope import envelope
from event_bus.delivery.outcome import Outcome, Parcel
from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.registration import Subscription
from event_bus.model.target import HttpTarget
from event_bus.security.signatures import signed_headers

CONNECT_SECONDS = 5.0
"""What the connection may take of an exchange."""

MAX_RESPONSE_BYTES = 16 * 1024
"""How much of an answer is read; what is longer costs the connection."""

KEPT_RESPONSE_BYTES = 256
"""How much of an answer is remembered with its attempt."""

_ASKS_TO_WAIT = frozenset({429, 503})


class _Deadline:
    """Ends an exchange in time, wherever it stands.

    A socket's own timeout begins anew with each byte: a subscriber that drips its answer would
    never meet it.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._pass)

    def __enter__(self) -> "_Deadline":
        _exchange.deadline = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        _exchange.deadline = None
        with self._lock:
            self._forget()

    def watch(self, connection: socket.socket) -> None:
        """Takes the connection that the exchange runs over."""
        with self._lock:
            self._forget()
            # By a descriptor of its own: the TLS handshake takes the socket's away.
            self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        if self.passed:
            self._pass()

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


class _Exchange(threading.local):
    deadline: _Deadline | None = None


_exchange = _Exchange()


class _Watched(HTTPConnection):
    """A connection that a deadline can end from its first byte on, be it new or used again."""

    def _new_conn(self) -> socket.socket:
        connection = super()._new_conn()
        if _exchange.deadline:
            _exchange.deadline.watch(connection)
        return connection

    def request(self, *args: Any, **kwargs: Any) -> None:
        if _exchange.deadline and self.sock is not None:
            _exchange.deadline.watch(self.sock)
        super().request(*args, **kwargs)


class _WatchedTLS(_Watched, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


def connection_pools() -> urllib3.PoolManager:
    """Pooled connections that no proxy of the environment and no redirect leads astray."""
    pools = urllib3.PoolManager(
        num_pools=64,
        maxsize=10,
        retries=False,
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=None),
    )
    pools.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
    return pools


@dataclass(frozen=True, slots=True)
class HttpTransport:
    """Delivers by HTTP.

    Attributes:
        secrets: The secrets that sign what is delivered to a subscription.
        pools: The connections.
        clock: The Unix time, in seconds.
    """

    secrets: Callable[[Subscription], Sequence[str]]
    pools: urllib3.PoolManager = field(default_factory=connection_pools)
    clock: Callable[[], float] = times.unix

    def together(self, parcel: Parcel) -> Hashable:
        """Each request carries one event."""
        return parcel.key

    def deliver(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Posts each event; an answer of 2xx means that the subscriber took it."""
        return [self._deliver(parcel.key, parcel.event, parcel.subscription) for parcel in parcels]

    def _deliver(self, key: DeliveryKey, event: Event, subscription: Subscription) -> Outcome:
        """Posts one event.

        The whole exchange, from the connection to the end of the answer, has the timeout of the
        subscription's retry policy.

        Redirects are not followed: they could lead to where a callback must not (Standard
        Webhooks counts them as failures, too).
        """
        # A lane carries its own protocol alone.
        target = cast("HttpTarget", subscription.target)
        body = orjson.dumps(envelope(key, event))
        headers = {
            "content-type": "application/json",
            "user-agent": "event-bus/1",
            **signed_headers(key.webhook_id, int(self.clock()), body, self.secrets(subscription)),
        }
        if key.replay_id:
            headers["event-bus-replay"] = key.replay_id
        seconds = subscription.retry_policy.timeout
        with _Deadline(seconds) as deadline:
            try:
                answer = self._post(target.url, body, headers)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                return _failure(error, deadline, seconds)
        if deadline.passed:
            return _too_late(seconds)
        return answer

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Outcome:
        response = self.pools.urlopen(
            "POST", url, body=body, headers=headers, redirect=False, preload_content=False
        )
        try:
            # Read to the end, or the connection could not be used again.
            answer = response.read(MAX_RESPONSE_BYTES, decode_content=False)
            return self._outcome(response, answer)
        finally:
            if response.closed or response.length_remaining == 0:
                response.release_conn()
            else:
                response.close()

    def _outcome(self, response: urllib3.BaseHTTPResponse, answer: bytes) -> Outcome:
        status = response.status
        begun = answer[:KEPT_RESPONSE_BYTES].decode(errors="replace")
        if 200 <= status < 300:
            return Outcome(status_code=status, response=begun)
        asked = response.headers.get("retry-after") if status in _ASKS_TO_WAIT else None
        return Outcome(
            "http_status",
            f"the subscriber answered {status}",
            status_code=status,
            response=begun,
            retry_after=_seconds(asked, self.clock()) if asked else None,
        )


def _seconds(retry_after: str, now: float) -> float | None:
    """The seconds that a `Retry-After` asks for (RFC 9110, 10.2.3); None where it says nothing."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        # More digits than any wait has.
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _failure(error: Exception, deadline: _Deadline, seconds: float) -> Outcome:
    if deadline.passed or isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return _too_late(seconds)
    if isinstance(error, urllib3.exceptions.SSLError):
        return Outcome("tls_failed", "the TLS handshake failed")
    # The order counts: each of these is a kind of the next.
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return Outcome("name_not_resolved", "the host's name has no address")
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return Outcome("connection_refused", "no connection could be made")
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return Outcome("connect_timeout", f"no connection within {CONNECT_SECONDS:g} s")
    return Outcome("connection_broken", "the connection broke before the answer was complete")


def _too_late(seconds: float) -> Outcome:
    return Outcome("timeout", f"no complete answer within {seconds:g} s")
