"""A process that has imported what functions import, and forks into their processes.

It has also made a client of each AWS service that they call, so that botocore's descriptions of
these services are read once. Both together take a process some 0.3 s of a processor.

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
from functools import cache
from types import ModuleType
from typing import Any, NoReturn

_IMPORTED = (
    *("boto3", "botocore.client", "botocore.httpsession", "botocore.retries.standard"),
    *("aws_lambda_powertools", "concurrent.futures.thread", "orjson", "pydantic", "urllib3"),
)
# The layer of the bus. A test demands that no module reads settings while it is imported, except
# the log, which `emulated` makes again in each process.
_BUS = "event_bus"
_NOT_IMPORTED = ("emulated", "__main__")
# The services for which functions have clients, as `infra.bundling` names them.
_SERVICES = (
    *("dynamodb", "sqs", "s3", "kms", "secretsmanager", "sts", "lambda", "sns", "events"),
    *("stepfunctions", "cloudwatch", "apigatewaymanagementapi"),
)
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
    # A function may have other layers than those of the bus.
    for name in _IMPORTED:
        with suppress(ImportError):
            importlib.import_module(name)
    with suppress(ImportError):
        import_all(importlib.import_module(_BUS))
    with suppress(ImportError):
        _read_descriptions()
    sys.path[:] = path
    # Collections would write to every page that the processes share.
    gc.collect()
    gc.freeze()
    # Nobody here waits for the processes that end.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=number) as requests:
        while True:
            message, streams, _, _ = socket.recv_fds(requests, _LONGEST_MESSAGE, _STREAMS)
            if not message:
                return
            pid = os.fork()
            if not pid:
                requests.close()
                _become(json.loads(message), streams)
            for stream in streams:
                os.close(stream)
            requests.send(str(pid).encode())


def import_all(package: ModuleType) -> None:
    """Imports the modules of a package, and of the packages in it.

    Args:
        package: The package.
    """
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if found.name.rpartition(".")[2] not in _NOT_IMPORTED:
            module = importlib.import_module(found.name)
            if found.ispkg:
                import_all(module)


def _read_descriptions() -> None:
    """Makes clients, and has all later sessions share what was read for them."""
    botocore: Any = importlib.import_module("botocore.session")
    botocore.create_loader = cache(botocore.create_loader)
    session = botocore.get_session()
    for service in _SERVICES:
        session.create_client(
            service, "us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
        )


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
        # Python reads PYTHONPATH only when it starts, and puts it at this place.
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
