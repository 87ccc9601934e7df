"""Interrupts the work of a function in time for it to answer before Lambda ends it.

API Gateway answers a request whose function was ended with a 500 of its own, which tells a client
neither what happened nor what to do.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_AGAIN_SECONDS = 0.5
"""How long the clean-up after an interruption may take, such as the release of a claim, in seconds.
"""

_WHOLE = (__name__, "contextlib")
"""The modules that enter and leave `with` blocks. An exception inside these modules would skip a
clean-up, such as that of the timer. So the timer does not interrupt them: it runs again, and
interrupts the code that follows."""


class OutOfTime(BaseException):
    """The time is over.

    It is not an `Exception`, because code that handles the failure of a single step must not catch
    it.
    """


@contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Interrupts the block after some seconds, whatever it does then.

    Only the main thread, in which Lambda calls functions, can be interrupted. The time of an outer
    limit stands still within the block.

    Args:
        seconds: The limit; None for no limit.

    Raises:
        OutOfTime: The time is over.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    ended = False

    def interrupt(_: int, frame: FrameType | None) -> None:
        if not ended and not (frame and frame.f_globals.get("__name__") in _WHOLE):
            raise OutOfTime

    timer = signal.getitimer(signal.ITIMER_REAL)
    handler = signal.signal(signal.SIGALRM, interrupt)
    try:
        try:
            # A limit of a millisecond may be over before this returns.
            signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), _AGAIN_SECONDS)
            yield
        finally:
            ended = True
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


def seconds_left(context: Any) -> float | None:
    """Returns the seconds until Lambda ends a function; None if that is not known.

    Args:
        context: The context that Lambda gives the function.
    """
    left = getattr(context, "get_remaining_time_in_millis", None)
    return left() / 1000 if left else None
