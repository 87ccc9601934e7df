"""Sends requests over HTTP, and repeats them after temporary failures."""

import logging
import math
import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
from time import sleep

from event_bus_client.calls import (
    MAX_ANSWER_BYTES,
    USER_AGENT,
    Call,
    RetryPolicy,
    expected,
    read_document,
    refusal,
)
from event_bus_client.config import Config, trusted
from event_bus_client.deadlines import Deadline
from event_bus_client.durations import checked
from event_bus_client.errors import ConfigurationError, ConnectionFailed, UnexpectedAnswer
from event_bus_client.sockets import Connection, Socket

logger = logging.getLogger("event_bus_client")

Made = TypeVar("Made")

# Headers about the form in which the body was sent. By then it is decoded.
_ON_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class Transport:
    """Sends calls to one bus.

    Attributes:
        config: Where the bus is.
    """

    def __init__(
        self,
        config: Config,
        *,
        timeout: float,
        retries: RetryPolicy,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Opens no connection yet.

        Args:
            config: Where the bus is.
            timeout: How long one attempt may take, in seconds.
            retries: When a request is sent again.
            transport: Replaces the network, as tests do; it may also `connect` WebSockets.

        Raises:
            ConfigurationError: The timeout is not valid, or the certificates or the proxy cannot
                be used.
        """
        checked("timeout", timeout, endless=True)
        headers = {"user-agent": USER_AGENT, "accept": "application/json"}
        if config.api_key:
            headers["x-api-key"] = config.api_key
        self.config = config
        self._connect = getattr(transport, "connect", Socket.connect)
        self._retries = retries
        self._timeout = timeout
        verify = trusted(config.ca_file) if config.ca_file else True
        try:
            client = httpx.Client(
                base_url=config.url,
                headers=headers,
                timeout=None if timeout == math.inf else timeout,
                verify=verify,
                transport=transport,
            )
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
            raise ConfigurationError(
                "A proxy or a file of certificates that the environment names, such as by "
                f"HTTPS_PROXY or SSL_CERT_FILE, cannot be used: {error}"
            ) from error
        self._http = Deadline.kept_by(client)

    def connect(self) -> Connection:
        """Opens a WebSocket.

        Raises:
            ConfigurationError: The URL or the package is missing.
            Problem: The bus refuses, such as Forbidden for an unknown key.
            ConnectionFailed: There is no connection.
        """
        opened: Connection = self._connect(self.config)
        return opened

    def send(self, call: Call) -> Any:
        """Sends a request until it is answered, and reads the answer.

        Returns:
            The JSON object of the answer, or None if it is empty.

        Raises:
            Problem: The bus refused the request.
            ConnectionFailed: No answer came, or it is not one of the bus.
        """
        return read_document(call, self.answer(call))

    def read(self, call: Call, made: Callable[[Any], Made]) -> Made:
        """Sends a request until it is answered, and converts the answer.

        Args:
            call: The request.
            made: Converts the JSON object of the answer.

        Raises:
            Problem: The bus refused the request.
            ConnectionFailed: No answer came, or it is not one of the bus.
        """
        document = self.send(call)
        with expected(f"The answer to {call.method} {call.path}"):
            return made(document)

    def answer(self, call: Call) -> httpx.Response:
        """Sends a request until it is answered.

        Returns:
            The answer, which is a success.

        Raises:
            Problem: The bus refused the request.
            ConnectionFailed: No answer came, or one that is too large.
        """
        attempt = 0
        while True:
            attempt += 1
            failure: httpx.RequestError | None = None
            answer: httpx.Response | None = None
            try:
                answer = self._received(call)
            except httpx.RequestError as error:
                failure = error
            if answer is not None and answer.is_success:
                return answer
            wait = self._retries.wait(call, attempt, answer)
            if wait is None:
                if answer is not None:
                    raise refusal(answer)
                raise ConnectionFailed(
                    f"{call.method} {call.path} got no answer in {attempt} attempts: {failure!r}"
                ) from failure
            logger.info(
                "%s %s failed (%s); it is sent again in %.2f s",
                call.method,
                call.path,
                answer.status_code if answer is not None else repr(failure),
                wait,
            )
            sleep(wait)

    def _received(self, call: Call) -> httpx.Response:
        """Sends a request once, and reads its answer, if all of it comes in time."""
        seconds = self._timeout if call.timeout is None else call.timeout
        with Deadline(seconds):
            answer = self._http.send(self._request(call), stream=True)
            try:
                body = _body(call, answer, time.monotonic() + seconds)
            finally:
                answer.close()
        headers = [each for each in answer.headers.multi_items() if each[0] not in _ON_THE_WIRE]
        return httpx.Response(
            answer.status_code, headers=headers, content=body, request=answer.request
        )

    def close(self) -> None:
        """Closes all connections."""
        self._http.close()

    def _request(self, call: Call) -> httpx.Request:
        content = call.content()
        headers = dict(call.headers)
        if content is not None:
            headers["content-type"] = "application/json"
        extra: dict[str, Any] = {} if call.timeout is None else {"timeout": call.timeout}
        return self._http.build_request(
            call.method,
            call.path,
            params=call.parameters(),
            content=content,
            headers=headers,
            **extra,
        )


def _body(call: Call, answer: httpx.Response, end: float) -> bytes:
    """Reads the body of an answer.

    Raises:
        UnexpectedAnswer: It is too large.
        httpx.ReadTimeout: It does not come in time, also if it comes from no network.
    """
    body = bytearray()
    for part in answer.iter_bytes():
        body += part
        if len(body) > MAX_ANSWER_BYTES:
            raise UnexpectedAnswer(
                f"{call.method} {call.path} was answered with more than {MAX_ANSWER_BYTES} bytes."
            )
        if time.monotonic() > end:
            raise httpx.ReadTimeout("the answer did not end in time")
    return bytes(body)
