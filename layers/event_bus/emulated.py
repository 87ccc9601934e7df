"""The handler that the emulator calls: the function's own, and a line of output for each call.

After a call, the emulator waits up to 50 ms for a line of output. While it waits for the function
of a table stream, it reads no event source. So each call prints a line.
"""

import importlib
from typing import Any

from aws_lambda_powertools import Logger

from event_bus.log import logger

# The emulator's processes are forked from one that has made the log with other settings and for
# another output.
vars(logger).update(vars(Logger(location=None)))

_handle = importlib.import_module("handler").handler


def handler(event: Any, context: Any) -> Any:
    """Calls the function's own handler, and prints a line even if the handler fails."""
    try:
        return _handle(event, context)
    finally:
        print('{"level":"INFO","message":"called"}', flush=True)  # noqa: T201
