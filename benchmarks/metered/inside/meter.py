"""Stands for the handler of a deployed function, and notes what each of its calls takes.

The functions are the deployed ones, unchanged: this file is on their path, and they are told to
begin here. It imports nothing of the repository, as the functions do not.
"""

import importlib
import json
import os
import sys
import time
from typing import Any


class _Counted:
    """Standard output, with what was written to it counted: it is what CloudWatch is sent."""

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
# By now, so that the logger that it makes writes to what is counted.
_module, _, _name = os.environ["METERED_HANDLER"].rpartition(".")
_handle = getattr(importlib.import_module(_module), _name)


def handler(event: Any, context: Any) -> Any:
    """Has the function handle what it was called with."""
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
