"""A process that has imported what most functions import, and forks into their processes.

Run by `function_processes`. Each message on its socket brings what a process gets: its standard
streams, its environment, its folder and its script. The answer is the process's number.
"""

import gc
import importlib
import json
import os
import pkgutil
import random
import signal
import socket
import sys
from contextlib import suppress
from typing import Any, NoReturn

_IMPORTED = (
    *("boto3", "botocore.client", "botocore.httpsession", "botocore.retries.standard"),
    *("aws_lambda_powertools", "concurrent.futures.thread", "orjson", "pydantic", "urllib3"),
)
# Those of the bus that read neither the environment nor settings, as an import contract demands.
_PACKAGES = ("event_bus.matching", "event_bus.model")
_LONGEST_MESSAGE = 1 << 20
_STREAMS = 3


def main(number: int, layers: list[str]) -> None:
    """Forks as often as it is asked to, until the socket is closed.

    Args:
        number: The socket's file descriptor.
        layers: The folders of the functions' layers.
    """
    path = sys.path[:]
    for layer in layers:
        sys.path[:0] = [layer, os.path.join(layer, "python")]
    for name in _IMPORTED:
        # A function may have other layers than those of the bus.
        with suppress(ImportError):
            importlib.import_module(name)
    for name in _PACKAGES:
        with suppress(ImportError):
            for module in pkgutil.iter_modules(importlib.import_module(name).__path__, f"{name}."):
                importlib.import_module(module.name)
    sys.path[:] = path
    # Collections would write to every page that the processes share.
    gc.collect()
    gc.freeze()
    # Nobody here waits for the processes that end.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=number) as asked:
        while True:
            message, streams, _, _ = socket.recv_fds(asked, _LONGEST_MESSAGE, _STREAMS)
            if not message:
                return
            pid = os.fork()
            if not pid:
                asked.close()
                _become(json.loads(message), streams)
            for stream in streams:
                os.close(stream)
            asked.send(str(pid).encode())


def _become(process: dict[str, Any], streams: list[int]) -> NoReturn:
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        os.environ.clear()
        os.environ.update(process["env"])
        os.chdir(process["cwd"])
        random.seed()
        script = process["script"]
        sys.argv[:] = [script]
        sys.path.insert(0, os.path.dirname(script))
        # As a process that Python starts has it.
        sys.path[1:1] = [each for each in os.environ.get("PYTHONPATH", "").split(":") if each]
        with open(script) as file:
            code = compile(file.read(), script, "exec")
        exec(code, {"__name__": "__main__", "__file__": script})
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for output in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                output.flush()
        os._exit(status)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
