"""The HTTP server of the emulator: uvicorn, whose parser is written in C.

ministack's own server is hypercorn, whose parser is written in Python. It takes more than half of
the processor time of the emulator's main thread.
"""

from typing import Any

import uvicorn
from uvicorn.protocols.websockets.wsproto_impl import (
    FrameTooLargeError,
    WebsocketBuffer,
    WSProtocol,
)
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

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


class Protocol(WSProtocol):
    """A WebSocket with the limits of API Gateway."""

    def __init__(self, *members: Any, **more: Any) -> None:
        super().__init__(*members, **more)
        self.buffer = _Message(MAX_MESSAGE_BYTES)

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
