"""Keeps one message out of the emulator's log."""

import logging


class IdleClients(logging.Filter):
    """Drops the traceback of a client that did not close its TLS connection.

    Clients keep connections open and idle. When the emulator closes one, it waits for the client to
    take part. hypercorn's `TCPServer._close` does not expect the wait to end without the client,
    so asyncio logs an error.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns whether a record is logged."""
        error = record.exc_info[1] if record.exc_info else None
        return not (isinstance(error, TimeoutError) and str(error) == "SSL shutdown timed out")
