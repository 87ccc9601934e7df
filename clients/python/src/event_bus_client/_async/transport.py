"""Sends requests over HTTP, and repeats them after temporary failures."""

import logging
import ssl
from typing import Any

import httpx
from anyio import sleep

from event_bus_client.calls import USER_AGENT, Call, RetryPolicy, read, refusal
from event_bus_client.config import Config
from event_bus_client.errors import ConnectionFailed
from event_bus_client.sockets import AsyncConnection, AsyncSocket

logger = logging.getLogger("event_bus_client")


class AsyncTransport:
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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Opens no connection yet.

        Args:
            config: Where the bus is.
            timeout: How long one attempt may take, in seconds.
            retries: When a request is sent again.
            transport: Replaces the network, as tests do; it may also `connect` WebSockets.
        """
        headers = {"user-agent": USER_AGENT, "accept": "application/json"}
        if config.api_key:
            headers["x-api-key"] = config.api_key
        self.config = config
        self._connect = getattr(transport, "connect", AsyncSocket.connect)
        self._retries = retries
        self._http = httpx.AsyncClient(
            base_url=config.url,
            headers=headers,
            timeout=timeout,
            verify=ssl.create_default_context(cafile=config.ca_file) if config.ca_file else True,
            transport=transport,
        )

    async def connect(self) -> AsyncConnection:
        """Opens a WebSocket.

        Raises:
            ConfigurationError: The URL or the package is missing.
            Problem: The bus refuses, such as Forbidden for an unknown key.
            ConnectionFailed: There is no connection.
        """
        opened: AsyncConnection = await self._connect(self.config)
        return opened

    async def send(self, call: Call) -> Any:
        """Sends a request until it is answered, and reads the answer.

        Returns:
            The answer as JSON, as text if it is not JSON, or None if it is empty.

        Raises:
            Problem: The bus refused the request.
            ConnectionFailed: No answer came.
        """
        return read(await self.answer(call))

    async def answer(self, call: Call) -> httpx.Response:
        """Sends a request until it is answered.

        Returns:
            The answer, which is a success.

        Raises:
            Problem: The bus refused the request.
            ConnectionFailed: No answer came.
        """
        attempt = 0
        while True:
            attempt += 1
            failure: httpx.TransportError | None = None
            answer: httpx.Response | None = None
            try:
                answer = await self._http.send(self._request(call))
            except httpx.TransportError as error:
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
            await sleep(wait)

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

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
