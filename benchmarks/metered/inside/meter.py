"""A handler that calls the handler of a deployed function, and records what each call takes.

The code of the functions is unchanged: this file is on their path, and their configuration names
this handler. It imports nothing else of the repository, since that is not on their path.
"""

import importlib
import importlib.util
import json
import os
import sys
import time
from typing import Any


class _Counted:
    """Standard output, which counts what is written: Lambda sends it to CloudWatch."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.characters = 0

    def write(self, text: str) -> int:
        self.characters += len(text)
        return int(self._stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


_output = _Counted(sys.stdout)
sys.stdout = _output
# Imported after the replacement, so that the function's logger writes to the counted output. The
# emulator forks this process from one that has imported the bus; this makes the log again. The bare
# functions have no layer, and so neither the bus nor its log.
if importlib.util.find_spec("event_bus"):
    importlib.import_module("event_bus.emulated")
_module, _, _name = os.environ["METERED_HANDLER"].rpartition(".")
_handle = getattr(importlib.import_module(_module), _name)


def handler(event: Any, context: Any) -> Any:
    """Calls the function's own handler."""
    begun, processor, written = time.perf_counter(), time.process_time(), _output.characters
    try:
        return _handle(event, context)
    finally:
        line = {
            "function": os.environ["METERED_NAME"],
            "processor_ms": 1000 * (time.process_time() - processor),
            "ms": 1000 * (time.perf_counter() - begun),
            "records": len(event["Records"]) if "Records" in event else 1,
            "logged": _output.characters - written,
        }
        with open(os.environ["METERED_FILE"], "a") as file:
            file.write(json.dumps(line) + "\n")
