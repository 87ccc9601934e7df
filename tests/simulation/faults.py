"""The faults of one call."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Literal, NamedTuple

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
"""Refused: an error without the effect. Lost: the effect, and no answer. Repeated: the same, and
the SDK makes the call again. Exit: the process ends, before or after the effect. Throttled: AWS
refuses the call for now. Delayed: the process stands still until every lease and every visibility
timeout has run out, while others work.
"""


class ProcessExit(BaseException):
    """The process of a function has ended; its code must not catch this."""


@dataclass(frozen=True)
class CallFault:
    """One fault.

    Attributes:
        call: The number of the call, from 1 on.
        mode: The kind of fault.
    """

    call: int
    mode: Mode


class AwsCall(NamedTuple):
    """A call to AWS.

    Attributes:
        operation: The service and the operation, such as "dynamodb.PutItem".
        invocation: The number of the invocation that made it.
        at: When, in Unix seconds; the clock goes on with each attempt to deliver.
        function: The function that made it.
        lines: The lines of the functions' code that were running.
    """

    operation: str
    invocation: int
    at: float
    function: str
    lines: tuple[str, ...] = ()

    @property
    def way(self) -> tuple[str, tuple[str, ...]]:
        """The code that made it."""
        return self.function, self.lines

    @property
    def reads(self) -> bool:
        """True if it has no effect."""
        return self.operation in _READS

    def follows(self, other: "AwsCall") -> bool:
        """True if nothing happened between another call and this one."""
        return (self.invocation, self.at) == (other.invocation, other.at)


_READS = {
    "dynamodb.BatchGetItem",
    "dynamodb.GetItem",
    "dynamodb.Query",
    "dynamodb.Scan",
    "kms.Decrypt",
    "s3.GetObject",
}


def faults(calls: Sequence[AwsCall], mode: Mode) -> Iterator[CallFault]:
    """Lists the faults of a mode, without those that have the same result as another.

    A read has no effect. So it makes no difference whether it was carried out before its answer was
    lost or its process ended, and a repeated read is like no fault. Between two calls of an
    invocation that does not deliver, nothing happens outside of its process. So a process that ends
    before the second call leaves the same state as one that ends after the first.

    Args:
        calls: The calls of the story without faults.
        mode: The mode.
    """
    for number, call in enumerate(calls, start=1):
        if call.reads and mode in ("lost", "repeated", "exit_after"):
            continue
        if mode == "exit_before" and number > 1 and call.follows(calls[number - 2]):
            continue
        yield CallFault(number, mode)


def one_of_each(
    found: Iterable[CallFault], calls: Sequence[AwsCall], *, registering: bool
) -> Iterator[CallFault]:
    """Leaves out faults that differ from another only in the state that the call finds.

    Of the calls that the same lines of code make, only the first gets a fault.

    Args:
        found: The faults of one mode.
        calls: The calls of the story without faults.
        registering: Whether the registrations at the beginning may get faults.
    """
    others = (number for number, call in enumerate(calls, 1) if call.function != "registry")
    begin = 1 if registering else next(others, 1)
    met = set()
    for fault in found:
        way = calls[fault.call - 1].way
        if fault.call >= begin and way not in met:
            met.add(way)
            yield fault


def one_by_turns(
    found: Iterable[CallFault], calls: Sequence[AwsCall], turn: int
) -> Iterator[CallFault]:
    """Chooses one fault for each kind of call, another one at each turn."""
    kinds: dict[object, list[CallFault]] = {}
    for fault in found:
        kinds.setdefault(calls[fault.call - 1].way, []).append(fault)
    for number, choices in enumerate(kinds.values(), turn):
        yield choices[number % len(choices)]


_CODE = tuple(
    f"{Path(__file__).parents[2] / folder}/" for folder in ("layers/event_bus", "functions")
)


def running_lines() -> tuple[str, ...]:
    """Returns the lines of the functions' code that are running, the innermost first."""
    lines = []
    frame: FrameType | None = sys._getframe(1)
    while frame:
        if frame.f_code.co_filename.startswith(_CODE):
            lines.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
        frame = frame.f_back
    return tuple(lines)
