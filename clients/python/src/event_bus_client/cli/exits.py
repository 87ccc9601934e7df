"""Exit codes, and how failures are shown."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from rich.console import Console

from event_bus_client.errors import (
    ConfigurationError,
    Conflict,
    ConnectionFailed,
    EventBusError,
    Forbidden,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    Problem,
    ServerError,
    TooManyRequests,
    Unauthenticated,
)


class Exit(IntEnum):
    """The exit codes of `event-bus`. They do not change between versions."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_PERMITTED = 3
    NOT_FOUND = 4
    CONFLICT = 5
    UNREACHABLE = 6
    FAULTS = 7
    DIFFERENT = 8
    INTERRUPTED = 130


MEANINGS: dict[Exit, str] = {
    Exit.DONE: "done",
    Exit.FAILED: "the bus refused the request or failed, or you answered no",
    Exit.USAGE: "the command is used wrongly, or a file is not valid",
    Exit.NOT_PERMITTED: "there is no URL or key, or the key does not permit this",
    Exit.NOT_FOUND: "there is no such resource, or none that the key may see",
    Exit.CONFLICT: "the request conflicts with what is stored",
    Exit.UNREACHABLE: "the bus cannot be reached",
    Exit.FAULTS: "`doctor` found something that fails",
    Exit.DIFFERENT: "`apply --check` found a difference, or `subscriptions test` no match",
    Exit.INTERRUPTED: "you interrupted it",
}
"""The meaning of each code."""

_CODES: tuple[tuple[type[EventBusError], Exit], ...] = (
    (ConfigurationError, Exit.NOT_PERMITTED),
    (Unauthenticated, Exit.NOT_PERMITTED),
    (Forbidden, Exit.NOT_PERMITTED),
    (NotFound, Exit.NOT_FOUND),
    (Conflict, Exit.CONFLICT),
    (PreconditionFailed, Exit.CONFLICT),
    (ConnectionFailed, Exit.UNREACHABLE),
    (EventBusError, Exit.FAILED),
)

_HINTS: tuple[tuple[type[EventBusError], str], ...] = (
    (ConfigurationError, "Run `event-bus login` to store a URL and a key."),
    (Unauthenticated, "Run `event-bus login` to store a key that the bus knows."),
    (Forbidden, "Use a key with this right: choose another one by --profile, or ask an admin."),
    (NotFound, "Check the id, and whether the key's service owns it."),
    (Conflict, "Read what is stored now, and repeat the command if it is still needed."),
    (ConnectionFailed, "Check the URL and the network, then run `event-bus status`."),
    (InvalidRequest, "Correct the members that are named, and repeat the command."),
    (TooManyRequests, "Wait, and send fewer requests."),
    (ServerError, "Run `event-bus doctor` to see what fails."),
)


class Ended(Exception):
    """Ends the program with a code, after the command has said everything."""

    def __init__(self, code: int) -> None:
        """Keeps the code."""
        super().__init__(f"exit code {code}")
        self.code = code


@contextmanager
def failures_shown() -> Iterator[None]:
    """Shows what the bus refuses on stderr, and ends the program with the code for it."""
    try:
        yield
    except Ended as ended:
        sys.exit(ended.code)
    except EventBusError as error:
        show(error)
        sys.exit(code_of(error))
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader closed the pipe, as `head` does.
        sys.stderr.close()
        sys.exit(Exit.DONE)


def code_of(error: EventBusError) -> Exit:
    """The exit code for a failure."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


def show(error: EventBusError) -> None:
    """Shows a failure on stderr: what is wrong, where, and what to do next."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"error: {error}", style="red", markup=False)
    if isinstance(error, Problem):
        for fault in error.faults:
            console.print(f"  {fault.pointer}: {fault.detail}", markup=False)
        if error.request_id:
            console.print(f"  request {error.request_id}", style="dim", markup=False)
    hint = next((said for kind, said in _HINTS if isinstance(error, kind)), None)
    if hint:
        console.print(hint, markup=False)
