"""The HTTP server of the emulator: uvicorn, whose parser is written in C.

ministack's own server is hypercorn, whose parser is written in Python. It takes more than half of
the processor time of the emulator's main thread.
"""

from typing import Any

import uvicorn

# ministack asks hypercorn for the same.
_KEEP_ALIVE_SECONDS = 75
# Clients that are idle when the emulator ends have this time to close their connections.
_CLOSING_SECONDS = 1
# API Gateway ends a connection with the code 1009 after a longer message.
_MAX_MESSAGE_BYTES = 128 * 1024


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
            ws="wsproto",
            ws_max_size=_MAX_MESSAGE_BYTES,
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
