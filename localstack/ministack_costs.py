"""Replaces expensive functions of ministack by cheaper ones with the same results.

- It parses a condition again for every item that it looks at. A query over some thousand items,
  such as the router's for what changed in the registry, then stops everything for seconds. Here it
  parses each condition once.
- It parses all policies of the caller's role several times for each request, and compiles a pattern
  for each route of an API. Both are a sixth of its processor time. Here it does so once for each.
- It unpacks a function's code and layers, 66 MB, for every process that runs the function. Here it
  unpacks each archive once, and all processes share the copy. It runs openssl to read its own
  certificate for every such process, too. Here it does so once.
- It starts Python and imports boto3 again for every such process. Here a process is forked.
- After each invocation it waits 5 ms for further output. Here it waits until it has read the last
  line that a function of the bus prints, or a function with the variable `PRINTS_CALLED`.
- When it ends, it waits 30 s for each idle client to close its TLS connection. Here it waits 1 s.
"""

import asyncio.constants
import hashlib
import io
import os
import queue
import re
import subprocess
import tempfile
import threading
import zipfile
from contextlib import suppress
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

from ministack.core import iam_evaluator, lambda_runtime, tls  # type: ignore[import-untyped]
from ministack.services import apigateway, dynamodb  # type: ignore[import-untyped]

from localstack import function_processes

HANDLER = "event_bus.emulated.handler"
"""The handler of each function of the bus."""

CALLED = '{"level":"INFO","message":"called"}'
"""What this handler prints at the end of each call."""

PRINTS_CALLED = "PRINTS_CALLED"
"""The environment variable of other functions that print this line at the end of each call, such as
those that the bus is compared with."""

# The line is written before the answer, so it comes soon. A function that has died writes none.
_OUTPUT_SECONDS = 1.0
_drain = lambda_runtime.Worker._drain_stderr_bounded
_remembered = lru_cache(maxsize=4096)


_digest = lru_cache(maxsize=256)(lambda content: hashlib.sha256(content).hexdigest())
_contents: dict[str, bytes] = {}


class UnwrittenArchive:
    """The archive of a new process's code or layer, which stays in memory."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> "UnwrittenArchive":
        return self

    def __exit__(self, *_: object) -> None:
        """Holds nothing open."""

    def write(self, content: bytes) -> None:
        """Keeps the content until it is unpacked.

        Args:
            content: All of it.
        """
        _contents[self._path] = content


class SharedZipFile:
    """An archive whose one unpacked copy serves all processes; functions do not write into it."""

    _unpacking = threading.Lock()

    def __init__(self, path: str) -> None:
        self._content = _contents.pop(path)

    def __enter__(self) -> "SharedZipFile":
        return self

    def __exit__(self, *_: object) -> None:
        """Holds nothing open."""

    def namelist(self) -> list[str]:
        """Returns no names to check, because `zipfile` makes unsafe names harmless."""
        return []

    def extractall(self, folder: str) -> None:
        """Replaces a folder by a link to the unpacked copy.

        Args:
            folder: The folder, which is empty.
        """
        copy = os.path.join(tempfile.gettempdir(), "unpacked", _digest(self._content))
        with self._unpacking:
            if not os.path.isdir(copy):
                with zipfile.ZipFile(io.BytesIO(self._content)) as archive:
                    archive.extractall(f"{copy}.unfinished")
                os.rename(f"{copy}.unfinished", copy)
        os.rmdir(folder)
        os.symlink(copy, folder)


def _open(path: str, mode: str = "r") -> Any:
    return UnwrittenArchive(path) if mode == "wb" else open(path, mode)


@_remembered
def _pattern(route: str) -> re.Pattern[str]:
    """Returns the pattern of a route, with a group for each parameter; `{name+}` spans segments."""
    parts = re.split(r"(\{[^}]+\})", route)
    groups = {"{": "([^/]+)", "+": "(.+)"}
    return re.compile(
        "".join(
            groups["+" if part.endswith("+}") else "{"] if part.startswith("{") else re.escape(part)
            for part in parts
        )
    )


@_remembered
def _names(route: str) -> list[str]:
    return [name.removesuffix("+") for name in re.findall(r"\{([^}]+)\}", route)]


def path_parameters(route: str, path: str) -> dict[str, str] | None:
    """Returns the parameters of a path, or None if it is not of this route.

    Args:
        route: The route's path, such as `/events/{id}`.
        path: The path of a request.
    """
    found = _pattern(route).fullmatch(path)
    return dict(zip(_names(route), found.groups(), strict=True)) if found else None


def output_of(worker: Any, **waits: float) -> str:
    """Returns what a function printed in the invocation that has just ended.

    Args:
        worker: The process of the function.
        waits: How long ministack waits for the output of a function that prints no last line.
    """
    ended = worker._proc is None
    if ended or not _prints_last_line(worker.config):
        return str(_drain(worker, **waits))
    lines: list[str] = []
    with suppress(queue.Empty):
        while not (lines and lines[-1] == CALLED):
            lines.append(worker._stderr_queue.get(timeout=_OUTPUT_SECONDS))
    return "\n".join(lines)


def _prints_last_line(function: dict[str, Any]) -> bool:
    variables = function.get("Environment", {}).get("Variables", {})
    return function.get("Handler") == HANDLER or PRINTS_CALLED in variables


def reduce() -> None:
    """Replaces the functions."""
    # The check of an expression's grammar: text in, the error or None out. It is three quarters of
    # what a condition costs.
    dynamodb._condition_syntax_error = _remembered(dynamodb._condition_syntax_error)
    tokens = _remembered(dynamodb._tokenize)
    # Some callers change the list.
    dynamodb._tokenize = lambda expression: list(tokens(expression))

    parse = iam_evaluator.parse_policy_document
    parse_text = _remembered(parse)
    iam_evaluator.parse_policy_document = lambda policy: (
        parse_text(policy) if isinstance(policy, str) else parse(policy)
    )
    apigateway._extract_path_params = path_parameters

    lambda_runtime.Worker._drain_stderr_bounded = output_of
    lambda_runtime.open = _open
    lambda_runtime.zipfile = SimpleNamespace(
        ZipFile=SharedZipFile,
        BadZipFile=zipfile.BadZipFile,
        LargeFileError=zipfile.LargeZipFile,
    )
    lambda_runtime.subprocess = SimpleNamespace(
        **{**vars(subprocess), "Popen": function_processes.start}
    )

    tls.resolve_tls_material = cache(tls.resolve_tls_material)
    tls.ca_bundle_path = cache(tls.ca_bundle_path)

    asyncio.constants.SSL_SHUTDOWN_TIMEOUT = 1.0
