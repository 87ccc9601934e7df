"""Exit codes, and how failures are shown."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from event_bus_client.errors import (
    ConfigurationError,
    Conflict,
    ConnectionFailed,
    EventBusError,
    Forbidden,
    NotFound,
    Problem,
    Unauthenticated,
)

EXIT_CODES: tuple[tuple[type[EventBusError], int], ...] = (
    (ConfigurationError, 3),
    (Unauthenticated, 3),
    (Forbidden, 3),
    (NotFound, 4),
    (Conflict, 5),
    (ConnectionFailed, 6),
    (EventBusError, 1),
)
"""1: refused or failed; 2: wrong usage; 3: no URL, no key, or no permission; 4: not found;
5: conflict; 6: the bus cannot be reached; 130: interrupted."""


@contextmanager
def failures_shown() -> Iterator[None]:
    """Shows what the bus refuses on stderr, and ends the program with the code for it."""
    console = Console(stderr=True, highlight=False)
    try:
        yield
    except EventBusError as error:
        console.print(f"error: {error}", style="red", markup=False)
        if isinstance(error, Problem):
            for fault in error.faults:
                console.print(f"  {fault.pointer}: {fault.detail}", markup=False)
            if error.request_id:
                console.print(f"  request {error.request_id}", style="dim", markup=False)
        if isinstance(error, (ConfigurationError, Unauthenticated)):
            console.print("Run `event-bus login` to store a URL and a key.", markup=False)
        sys.exit(next(code for kind, code in EXIT_CODES if isinstance(error, kind)))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever reads has had enough, as `head` does.
        sys.stderr.close()
        sys.exit(0)
