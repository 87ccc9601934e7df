"""What may go wrong at one call."""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["refused", "lost", "repeated", "exit_before", "exit_after", "throttled", "delayed"]

MODES: tuple[Mode, ...] = (
    "refused",
    "lost",
    "repeated",
    "exit_before",
    "exit_after",
    "throttled",
    "delayed",
)
"""Refused: an error before the effect. Lost: the effect, and no answer. Repeated: the same, and the
SDK makes the call again. Exit: the process ends, before or after the effect. Throttled: AWS says
no. Delayed: the process stands still until every lease and every visibility timeout has run out,
while others work."""


class ProcessExit(BaseException):
    """The process of a function is gone; nothing of it may catch this."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        call: The number of the call, from 1 on.
        mode: What goes wrong with it.
    """

    call: int
    mode: Mode
