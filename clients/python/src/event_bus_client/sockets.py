"""WebSocket connections, with asyncio and without it. They need the extra `websocket`."""

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from event_bus_client.calls import USER_AGENT
from event_bus_client.config import WEBSOCKET_VARIABLE, Config, trusted
from event_bus_client.errors import ConfigurationError, ConnectionFailed, problem
from event_bus_client.loop_thread import LoopThread

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection as AsyncClientConnection

OPEN_SECONDS = 30.0
"""How long a connection may take to open."""

SEND_SECONDS = 20.0
"""How long to wait for the other side to read a message."""

CLOSE_SECONDS = 2.0
"""How long to wait for the other side to close."""

_INSTALL = "WebSockets need another package: pip install 'event-bus-client[websocket]'."


class AsyncConnection(Protocol):
    """Sends and receives JSON, with asyncio."""

    async def send(self, message: dict[str, Any]) -> None:
        """Sends a message.

        Raises:
            ConnectionFailed: The connection has ended.
        """

    async def receive(self, seconds: float) -> dict[str, Any] | None:
        """Returns the next message; None if none comes in time.

        Raises:
            ConnectionFailed: The connection has ended.
        """

    async def aclose(self) -> None:
        """Closes the connection."""


class Connection(Protocol):
    """Sends and receives JSON, without asyncio."""

    def send(self, message: dict[str, Any]) -> None:
        """Sends a message.

        Raises:
            ConnectionFailed: The connection has ended.
        """

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """Returns the next message; None if none comes in time.

        Raises:
            ConnectionFailed: The connection has ended.
        """

    def close(self) -> None:
        """Closes the connection."""


class AsyncSocket:
    """A connection that sends and receives JSON, with asyncio."""

    def __init__(self, connection: "AsyncClientConnection") -> None:
        """Uses an open connection."""
        self._connection = connection

    @classmethod
    async def connect(cls, config: Config) -> "AsyncSocket":
        """Opens a connection to a bus.

        Raises:
            ConfigurationError: The URL or the package is missing.
            Problem: The bus refuses, such as Forbidden for an unknown key.
            ConnectionFailed: There is no connection.
        """
        try:
            from websockets.asyncio.client import connect  # noqa: PLC0415
        except ImportError as error:
            raise ConfigurationError(_INSTALL) from error

        class Direct(connect):
            """Follows no redirect: the key would be sent to another server."""

            def process_redirect(self, exc: Exception) -> Exception:
                return exc

        url, options = _options(config)
        try:
            return cls(await Direct(url, **options).__aenter__())
        except Exception as error:
            raise _failure(error) from error

    async def send(self, message: dict[str, Any]) -> None:
        """Sends a message.

        Raises:
            ConnectionFailed: The connection has ended.
        """
        try:
            await asyncio.wait_for(self._connection.send(json.dumps(message)), SEND_SECONDS)
        except Exception as error:
            # What is left to send would hold up the end of the connection.
            self._connection.transport.abort()
            raise _failure(error) from error

    async def receive(self, seconds: float) -> dict[str, Any] | None:
        """Returns the next message; None if none comes in time.

        Raises:
            ConnectionFailed: The connection has ended.
        """
        try:
            return _read(await asyncio.wait_for(self._connection.recv(), seconds))
        except asyncio.TimeoutError:
            return None
        except Exception as error:
            raise _failure(error) from error

    async def aclose(self) -> None:
        """Closes the connection."""
        try:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._connection.close(), SEND_SECONDS)
        finally:
            # After a task was cancelled, nothing else would end it. A closed one stays closed.
            self._connection.transport.abort()


class Socket:
    """A connection that sends and receives JSON, without asyncio.

    Inside, one thread does all of it with asyncio. If a thread read from a TLS connection while
    another one wrote to it, some handshakes would get no answer: OpenSSL lets only one thread at a
    time use a connection, and Python does not see to that.
    """

    def __init__(self, thread: LoopThread, connection: AsyncSocket) -> None:
        """Uses an open connection.

        Args:
            thread: The thread in which it was opened. It ends with the connection.
            connection: The connection.
        """
        self._thread = thread
        self._connection = connection

    @classmethod
    def connect(cls, config: Config) -> "Socket":
        """Opens a connection to a bus.

        Raises:
            ConfigurationError: The URL or the package is missing.
            Problem: The bus refuses, such as Forbidden for an unknown key.
            ConnectionFailed: There is no connection.
        """
        thread = LoopThread()
        try:
            return cls(thread, thread.result(AsyncSocket.connect(config)))
        except BaseException:
            thread.close()
            raise

    def send(self, message: dict[str, Any]) -> None:
        """Sends a message.

        Raises:
            ConnectionFailed: The connection has ended.
        """
        self._thread.result(self._connection.send(message))

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """Returns the next message; None if none comes in time.

        Raises:
            ConnectionFailed: The connection has ended.
        """
        return self._thread.result(self._connection.receive(seconds))

    def close(self) -> None:
        """Closes the connection. Later calls do nothing."""
        try:
            with suppress(ConnectionFailed):
                self._thread.result(self._connection.aclose())
        finally:
            self._thread.close()


def _options(config: Config) -> tuple[str, dict[str, Any]]:
    if not config.websocket_url:
        raise ConfigurationError(
            "The WebSocket URL of the bus is missing: pass websocket_url=, set "
            f"{WEBSOCKET_VARIABLE}, or add websocket_url to the profile."
        )
    options: dict[str, Any] = {
        "additional_headers": {"x-api-key": config.api_key} if config.api_key else {},
        "user_agent_header": USER_AGENT,
        "open_timeout": OPEN_SECONDS,
        "close_timeout": CLOSE_SECONDS,
        # API Gateway counts only messages, so the consumer sends the bus's own ping.
        "ping_interval": None,
        "compression": None,
    }
    if config.ca_file and config.websocket_url.startswith("wss://"):
        options["ssl"] = trusted(config.ca_file)
    return config.websocket_url, options


def _read(text: str | bytes) -> dict[str, Any]:
    message = json.loads(text)
    if not isinstance(message, dict):
        raise TypeError("A message is a JSON object.")
    return message


def _failure(error: Exception) -> Exception:
    """Returns the exception for a connection that cannot be opened, or has ended."""
    response = getattr(error, "response", None)
    if response is not None and response.status_code != 101:
        return problem(response.status_code, {"title": "The bus refused the WebSocket"})
    return ConnectionFailed(f"The WebSocket has ended: {error!r}")
