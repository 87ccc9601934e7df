"""Requests to callbacks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import urllib3

from event_bus.callbacks.addresses import Network
from event_bus.callbacks.connections import Exchange, connection_pools
from event_bus.callbacks.failures import Unanswered, left_unanswered, unanswered
from event_bus.model.outcome import KEPT_RESPONSE_BYTES

MAX_RESPONSE_BYTES = 16 * 1024
"""The most bytes of an answer that are read; a longer answer ends the connection."""


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """The answer of a callback.

    Attributes:
        status: The HTTP status.
        headers: The headers; names in any case.
        begun: The beginning of the body as text, as attempts record it.
        body: The first bytes of the body, at most `MAX_RESPONSE_BYTES`.
    """

    status: int
    headers: Mapping[str, str]
    begun: str
    body: bytes = b""

    @property
    def cut(self) -> bool:
        """Whether the body may be longer than what was read of it."""
        return len(self.body) >= MAX_RESPONSE_BYTES

    @property
    def media_type(self) -> str:
        """The media type of the body, in lower case and without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class CallbackClient:
    """Makes requests to URLs that clients chose.

    Redirects are not followed, because they could lead to forbidden addresses. Standard Webhooks
    counts them as failures, too.

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
        *,
        repeatable: bool = True,
        watch: Callable[[Callable[[], bool]], None] | None = None,
    ) -> CallbackAnswer:
        """Makes one request.

        A kept connection may have ended unnoticed. Then the request is repeated on a new
        connection, if nothing of it was sent or it may arrive twice.

        Args:
            method: The HTTP method.
            url: The callback.
            headers: The headers.
            seconds: Its longest duration, from the look-up of the name to the end of the answer.
            body: The body, if there is one.
            repeatable: Whether the request may arrive twice.
            watch: Called once, before the request is sent, with a function. That function returns
                whether an answer has begun to arrive.

        Raises:
            Unanswered: There was no complete and valid answer in time, or the request was not made.
        """
        with Exchange(seconds, self.allowed) as exchange:
            if watch:
                watch(exchange.answered)
            while True:
                try:
                    answer = self._made(method, url, headers, body)
                    break
                except (urllib3.exceptions.HTTPError, OSError) as error:
                    if exchange.passed or isinstance(error, urllib3.exceptions.ReadTimeoutError):
                        raise _too_late(seconds) from None
                    harmless = not exchange.sent or (repeatable and left_unanswered(error))
                    if not (exchange.reused and harmless):
                        raise unanswered(error) from None
                    exchange.take_a_new_connection()
        if exchange.passed:
            raise _too_late(seconds)
        return answer

    def _made(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> CallbackAnswer:
        response = self.pools.urlopen(
            method, url, body=body, headers=headers, redirect=False, preload_content=False
        )
        try:
            # Read to the end, so that the connection can be used again.
            read = _beginning(response)
            begun = read[:KEPT_RESPONSE_BYTES].decode(errors="replace")
            return CallbackAnswer(response.status, response.headers, begun, read)
        finally:
            if response.closed or response.length_remaining == 0:
                response.release_conn()
            else:
                response.close()


def _beginning(response: urllib3.BaseHTTPResponse) -> bytes:
    """Returns the first bytes of a body, or all of it; one that ends too early raises an error."""
    read = b""
    while len(read) < MAX_RESPONSE_BYTES and (
        piece := response.read(MAX_RESPONSE_BYTES - len(read), decode_content=False)
    ):
        read += piece
    return read


def _too_late(seconds: float) -> Unanswered:
    return Unanswered("timeout", f"no complete answer within {seconds:g} s")
