"""Requests to callbacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import urllib3

from event_bus.callbacks.addresses import Network
from event_bus.callbacks.connections import (
    CONNECT_SECONDS,
    Exchange,
    ForbiddenAddress,
    connection_pools,
)

MAX_RESPONSE_BYTES = 16 * 1024
"""How much of an answer is read; what is longer costs the connection."""

KEPT_RESPONSE_BYTES = 256
"""How much of an answer is remembered with its attempt."""

# The order counts: some of these are a kind of the next.
_FAILURES: tuple[tuple[type[Exception], str, str], ...] = (
    (
        ForbiddenAddress,
        "address_forbidden",
        "the host has an address that callbacks must not lead to",
    ),
    (urllib3.exceptions.SSLError, "tls_failed", "the TLS handshake failed"),
    (
        urllib3.exceptions.NameResolutionError,
        "name_not_resolved",
        "the host's name has no address",
    ),
    (
        urllib3.exceptions.NewConnectionError,
        "connection_refused",
        "no connection could be made",
    ),
    (
        urllib3.exceptions.ConnectTimeoutError,
        "connect_timeout",
        f"no connection within {CONNECT_SECONDS:g} s",
    ),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a callback answered.

    Attributes:
        status: The HTTP status.
        headers: The headers; names in any case.
        begun: How the body begins.
    """

    status: int
    headers: Mapping[str, str]
    begun: str


class Unanswered(Exception):
    """There was no complete answer.

    Attributes:
        code: Why, in a word that does not change.
        message: The same for people; nothing in it is a subscriber's.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class CallbackClient:
    """Makes requests to URLs that anyone may have chosen.

    Redirects are not followed: they could lead to where a callback must not (Standard Webhooks
    counts them as failures, too).

    Attributes:
        allowed: Networks that callbacks may lead to although they are in a forbidden range.
        pools: The connections.
    """

    allowed: Sequence[Network] = ()
    pools: urllib3.PoolManager = field(default_factory=connection_pools)

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        seconds: float,
        body: bytes | None = None,
    ) -> Answer:
        """Makes one request.

        Args:
            method: The HTTP method.
            url: The callback.
            headers: The headers.
            seconds: What it may take, from the look-up of the name to the end of the answer.
            body: What is sent, if anything is.

        Raises:
            Unanswered: There was no complete answer in time, or the request was not made.
        """
        with Exchange(seconds, self.allowed) as exchange:
            try:
                answer = self._made(method, url, headers, body)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise _unanswered(error, exchange, seconds) from None
        if exchange.passed:
            raise _too_late(seconds)
        return answer

    def _made(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        response = self.pools.urlopen(
            method, url, body=body, headers=headers, redirect=False, preload_content=False
        )
        try:
            # Read to the end, or the connection could not be used again.
            read = response.read(MAX_RESPONSE_BYTES, decode_content=False)
            begun = read[:KEPT_RESPONSE_BYTES].decode(errors="replace")
            return Answer(response.status, response.headers, begun)
        finally:
            if response.closed or response.length_remaining == 0:
                response.release_conn()
            else:
                response.close()


def _unanswered(error: Exception, exchange: Exchange, seconds: float) -> Unanswered:
    if exchange.passed or isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return _too_late(seconds)
    for kind, code, message in _FAILURES:
        if isinstance(error, kind):
            return Unanswered(code, message)
    return Unanswered("connection_broken", "the connection broke before the answer was complete")


def _too_late(seconds: float) -> Unanswered:
    return Unanswered("timeout", f"no complete answer within {seconds:g} s")
