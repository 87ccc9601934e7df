"""The HTTP server of the emulator: uvicorn, whose parser is written in C.

ministack's own server is hypercorn, whose parser is written in Python. It takes more than half of
the processor time of the emulator's main thread.
"""

import asyncio
from contextlib import suppress
from typing import Any, cast

import uvicorn
from uvicorn.protocols.websockets.wsproto_impl import (
    FrameTooLargeError,
    WebsocketBuffer,
    WSProtocol,
)
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

# ministack asks hypercorn for the same.
_KEEP_ALIVE_SECONDS = 75
# Clients that are idle when the emulator ends have this time to close their connections.
_CLOSING_SECONDS = 1
# API Gateway ends a connection with the code 1009 after a longer message or a longer frame
# (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html).
MAX_MESSAGE_BYTES = 128 * 1024
"""The largest message from and to a client."""
_MAX_FRAME_BYTES = 32 * 1024
# It ends one with this code after a binary frame
# (https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-binary-media-types.html).
_BINARY_CODE = 1003
# The most bytes of answers to pings that a client has not read yet.
_MAX_UNREAD_BYTES = 256 * 1024
# The longest time to read what a client sends after the server has ended a WebSocket.
_LINGER_SECONDS = 1.0


class _Message(WebsocketBuffer):
    """A message that arrives in frames."""

    _frame = 0

    def extend(self, event: TextMessage | BytesMessage) -> None:
        """Adds a part of a frame."""
        super().extend(event)
        self._frame += len(event.data.encode() if isinstance(event.data, str) else event.data)
        if self._frame > _MAX_FRAME_BYTES:
            raise FrameTooLargeError
        if event.frame_finished:
            self._frame = 0


class _Lingering:
    """A transport that, when it is closed, ends its output and reads on until the client closes.

    The system resets a connection that is closed while bytes are unread or still arrive. A reset
    can take from the client the close code or the HTTP response that it has not read yet.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._timer: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Tells whether the server has ended the connection."""
        return self._timer is not None or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Sends bytes, unless the server has ended the connection."""
        if not self.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Ends the output; the connection is closed when the client closes it, or after 1 s."""
        if self.is_closing():
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_LINGER_SECONDS, self._transport.close)
        self._transport.resume_reading()
        # TLS cannot end its output alone.
        if self._transport.can_write_eof():
            # A connection that the client has reset already cannot end its output either.
            with suppress(OSError):
                self._transport.write_eof()

    def end(self) -> None:
        """Closes the connection now, because the client sends no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._transport.close()


class Protocol(WSProtocol):
    """A WebSocket with the limits of API Gateway."""

    def __init__(self, *members: Any, **more: Any) -> None:
        super().__init__(*members, **more)
        self.buffer = _Message(MAX_MESSAGE_BYTES)
        # The transport waits for the client's close.
        self.close_timeout = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins with a connection."""
        self._lingering = _Lingering(transport)
        super().connection_made(cast(asyncio.Transport, self._lingering))

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends with a connection."""
        super().connection_lost(exc)
        self._lingering.end()

    def data_received(self, data: bytes) -> None:
        """Takes what a client sends, or discards it if the server has ended the connection."""
        if not self.transport.is_closing():
            super().data_received(data)
            return
        with suppress(LocalProtocolError, RemoteProtocolError):
            self.conn.receive_data(data)
            for event in self.conn.events():
                if isinstance(event, CloseConnection):
                    self.handle_close(event)

    def handle_close(self, event: CloseConnection) -> None:
        """Ends a connection that the client closes, or whose bytes are no frames."""
        if self.conn.state is ConnectionState.OPEN:
            # The bytes are no frames, and wsproto gives the code to close the connection with.
            self.transport.write(self.conn.send(event))
        super().handle_close(event)
        if self.conn.state is ConnectionState.CLOSED:
            # A client sends nothing after its close.
            self._lingering.end()

    def handle_message(self, event: TextMessage | BytesMessage) -> None:
        """Takes a part of a frame, unless it is binary."""
        if isinstance(event, TextMessage):
            super().handle_message(event)
            return
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": _BINARY_CODE})
        if not self.transport.is_closing():
            self.transport.write(self.conn.send(CloseConnection(code=_BINARY_CODE)))
            self.transport.close()

    def handle_ping(self, event: Ping) -> None:
        """Answers a ping; a client that sends pings and reads no answer is disconnected."""
        if self.transport.get_write_buffer_size() > _MAX_UNREAD_BYTES:
            self.transport.abort()
        elif not self.transport.is_closing():
            super().handle_ping(event)


async def serve(app: Any, config: Any) -> None:
    """Serves an application until the process is told to end, as `hypercorn.asyncio.serve` does.

    Args:
        app: The application.
        config: The configuration of hypercorn. Its second address, port 443, is not used.
    """
    host, _, port = config.bind[0].rpartition(":")
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=int(port),
            ws=Protocol,
            ws_max_size=MAX_MESSAGE_BYTES,
            # API Gateway compresses no messages either.
            ws_per_message_deflate=False,
            log_config=None,
            access_log=False,
            # The application adds what AWS sends, and asks the connection where it comes from.
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_CLOSING_SECONDS,
            ssl_certfile=config.certfile,
            ssl_keyfile=config.keyfile,
        )
    )
    await server.serve()
