"""Exit codes, and how failures are shown."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import typer

from event_bus_client.cli.context import State
from event_bus_client.cli.terminal import ReaderLeft, SafeConsole, discard, needs_escapes
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
    Restorable,
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

TRACEBACK_VARIABLE = "EVENT_BUS_TRACEBACK"


class _Unexpected(EventBusError):
    """A failure of the program, or an answer that it does not understand."""


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
    (
        _Unexpected,
        "Compare the versions by `event-bus status`. "
        f"{TRACEBACK_VARIABLE}=1 shows where it failed.",
    ),
)


_KINDS: dict[Exit, tuple[str, str]] = {
    Exit.FAILED: ("failed", "The command failed"),
    Exit.USAGE: ("usage", "The command is used wrongly, or a file is not valid"),
    Exit.NOT_PERMITTED: ("configuration", "There is no URL or key, or a setting is not valid"),
    Exit.UNREACHABLE: ("unreachable", "The bus cannot be reached"),
}
"""The type and the title of failures that are no answers of the bus."""

_MISUSE: type[Exception] = typer.BadParameter.__mro__[2]
"""Click's own exception, which Typer does not export. Its module depends on Typer's version."""


class Ended(Restorable):
    """Ends the program with a code, after the command has said everything."""

    def __init__(self, code: int) -> None:
        """Keeps the code."""
        super().__init__(f"exit code {code}")
        self.code = code


@contextmanager
def failures_shown(known: State) -> Iterator[None]:
    """Shows on stderr what failed, and ends the program with the code for it."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except Exception as error:
        sys.exit(_shown(error, known))


def _shown(error: Exception, known: State) -> int:
    """Shows a failure on stderr, unless the program has said everything; returns its exit code."""
    if isinstance(error, Ended):
        return error.code
    if isinstance(error, ReaderLeft):
        discard()
        return Exit.DONE
    if isinstance(error, _MISUSE):
        if known.as_json:
            print_problem(failure(Exit.USAGE, error.format_message()))  # type: ignore[attr-defined]
        else:
            error.show()  # type: ignore[attr-defined]
        return Exit.USAGE
    if isinstance(error, typer.Abort):
        said = "You answered no, or no answer came."
        if known.as_json:
            print_problem(failure(Exit.FAILED, said))
        else:
            typer.echo(f"Aborted: {said[0].lower()}{said[1:]}", err=True)
        return Exit.FAILED
    found = error if isinstance(error, EventBusError) else _unexpected(error)
    show(found, known)
    return code_of(found)


def _unexpected(error: Exception) -> EventBusError:
    """Returns what is shown of a failure that no command expects."""
    if isinstance(error, OSError):
        # Such as a disk that is full.
        discard()
        return EventBusError(str(error))
    if os.environ.get(TRACEBACK_VARIABLE):
        raise error
    said = f"{type(error).__name__}: {error}"
    return _Unexpected(f"The answer of the bus or this program has a fault ({said}).")


def code_of(error: EventBusError) -> Exit:
    """Returns the exit code for a failure."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


def show(error: EventBusError, known: State) -> None:
    """Shows a failure on stderr: what is wrong, where, and what to do next."""
    hint = next((said for kind, said in _HINTS if isinstance(error, kind)), None)
    if known.as_json:
        code = code_of(error)
        said = _answered(error) if isinstance(error, Problem) else failure(code, str(error))
        more = {**known.context, **({"hint": hint} if hint else {})}
        print_problem({**said, "exit_code": int(code), **more})
        return
    console = SafeConsole(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"error: {error}", style="red", markup=False)
    if isinstance(error, Problem):
        faults = [f"{each.pointer}: {each.detail}" for each in error.faults]
        if len(faults) > 1 or not all(each in str(error) for each in faults):
            for each in faults:
                console.print(f"  {each}", markup=False)
        if error.request_id:
            console.print(f"  request {error.request_id}", style="dim", markup=False)
    if hint:
        console.print(hint, markup=False)


def failure(code: Exit, detail: str, **members: Any) -> dict[str, Any]:
    """Makes problem details (RFC 9457) of a failure that is no answer of the bus."""
    kind, title = _KINDS[code]
    described = {"type": f"urn:event-bus:command-line:{kind}", "title": title, "detail": detail}
    return {**described, **members, "exit_code": int(code)}


def _answered(problem: Problem) -> dict[str, Any]:
    """Returns the problem details with which the bus refused, made complete."""
    described = {"type": "about:blank", "title": problem.title, "status": problem.status}
    named = {"detail": problem.detail} if problem.detail else {}
    if problem.request_id is not None:
        named["request_id"] = problem.request_id
    return {**described, **named, **problem.document}


def print_problem(document: dict[str, Any]) -> None:
    """Prints problem details as a line of JSON."""
    print(json.dumps(document, ensure_ascii=needs_escapes(sys.stderr)), file=sys.stderr)
