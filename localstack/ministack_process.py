"""The emulator's own process: ministack, without four costs and with more tags.

- It parses a condition again for every item that it looks at. A query over some thousand items,
such
  as the router's for what changed in the registry, then stops everything for seconds. Here it
  parses each condition once.
- It unpacks a function's code and layers, 50 MB, for every process that runs the function. Here it
  unpacks each archive once, and all processes share the copy.
- It starts Python and imports boto3 again for every such process. Here a process is forked.
- When it ends, it waits 30 s for each idle client to close its TLS connection, and logs an error
  for each that does not. Here it waits 1 s, and logs nothing.
- For a condition on tags it looks up those of queues, topics and functions, by the ARN. Here it
  looks up those of event buses and state machines, too, and those of the function that a version
  or an alias belongs to.
"""

import asyncio.constants
import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

from ministack.app import main  # type: ignore[import-untyped]
from ministack.core import lambda_runtime  # type: ignore[import-untyped]
from ministack.services import dynamodb, stepfunctions, tagging  # type: ignore[import-untyped]

sys.path.append(str(Path(__file__).parent.parent))
from localstack import function_processes
from localstack.quiet_log import IdleClients

# The check of an expression's grammar: text in, the error or None out. It is three quarters of what
# a condition costs.
dynamodb._condition_syntax_error = lru_cache(maxsize=4096)(dynamodb._condition_syntax_error)
_tokens = lru_cache(maxsize=4096)(dynamodb._tokenize)
# Some callers change the list.
dynamodb._tokenize = lambda expression: list(_tokens(expression))

tagging._RESOURCE_TAG_COLLECTORS["events"] = tagging._collect_eventbridge
tagging._RESOURCE_TAG_COLLECTORS["states"] = lambda: (
    (arn, [{"Key": each["key"], "Value": each["value"]} for each in tags])
    for arn, tags in stepfunctions._tags.items()
)
_tags = tagging.resource_tags
tagging.resource_tags = lambda arn: _tags(
    ":".join(arn.split(":")[:7]) if ":lambda:" in arn else arn
)


class SharedZipFile:
    """An archive whose one unpacked copy serves all processes; functions do not write into it."""

    _unpacking = threading.Lock()

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> "SharedZipFile":
        return self

    def __exit__(self, *_: object) -> None:
        """Holds nothing open."""

    def namelist(self) -> list[str]:
        """No names: the caller would check them again, and `zipfile` makes unsafe ones harmless."""
        return []

    def extractall(self, folder: str) -> None:
        """Replaces a folder by a link to the unpacked copy.

        Args:
            folder: The folder, which is empty.
        """
        with open(self._path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        copy = os.path.join(tempfile.gettempdir(), "unpacked", digest)
        with self._unpacking:
            if not os.path.isdir(copy):
                with zipfile.ZipFile(self._path) as archive:
                    archive.extractall(f"{copy}.unfinished")
                os.rename(f"{copy}.unfinished", copy)
        os.rmdir(folder)
        os.symlink(copy, folder)
        os.remove(self._path)


lambda_runtime.zipfile = SimpleNamespace(
    ZipFile=SharedZipFile,
    BadZipFile=zipfile.BadZipFile,
    LargeFileError=zipfile.LargeZipFile,
)

lambda_runtime.subprocess = SimpleNamespace(
    **{**vars(subprocess), "Popen": function_processes.start}
)

asyncio.constants.SSL_SHUTDOWN_TIMEOUT = 1.0
logging.getLogger("asyncio").addFilter(IdleClients())

main()
