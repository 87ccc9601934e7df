"""The child process that evaluates: reads requests from its input and writes answers.

Four bytes with its length precede each request and each answer. A request is JSON: `check` has an
expression to parse, or `evaluate` an expression to evaluate with the other arguments of
`_evaluated`. The answer is `{}` if the expression can be parsed, `=` and the result if it was
evaluated, or an object with `error` and `position`. Before the first request, an empty answer says
that the process is ready.
"""

import contextlib
import json
import random
import resource
import signal
import struct
import sys
from functools import lru_cache
from typing import Any, BinaryIO

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from event_bus.expressions.limits import (
    LAST_PROCESSOR_SECONDS,
    MAX_OUTPUT_BYTES,
    MEMORY_BYTES,
    PROCESSOR_SECONDS,
)

_LENGTH = struct.Struct(">I")
_RECURSION = 4_000


class _ProcessorTimeUp(BaseException):
    """The processor time is used up."""


class _Expression(Jsonata):  # type: ignore[misc]
    """An expression whose `$now()` and `$millis()` return the time that a request names.

    Attributes:
        moment: The time, in milliseconds since 1970; None for the present.
    """

    moment: int | None = None
    _present: int = 0

    @property
    def timestamp(self) -> int:
        """The time that the library asks for."""
        return self._present if self.moment is None else self.moment

    @timestamp.setter
    def timestamp(self, present: int) -> None:
        # The library sets it at each evaluation.
        self._present = present


def main() -> None:
    """Answers requests until the input ends."""
    # macOS refuses this; functions run on Linux.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    sys.setrecursionlimit(_RECURSION)
    signal.signal(signal.SIGVTALRM, _stop)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    # No output of an expression may get between two answers.
    sys.stdout = sys.stderr
    _send(sink, b"")
    while length := source.read(_LENGTH.size):
        request = json.loads(source.read(_LENGTH.unpack(length)[0]))
        _send(sink, _bounded(request))


def _send(sink: BinaryIO, answer: bytes) -> None:
    sink.write(_LENGTH.pack(len(answer)) + answer)
    sink.flush()


def _stop(_signal: int, _frame: object) -> None:
    raise _ProcessorTimeUp


def _bounded(request: dict[str, Any]) -> bytes:
    try:
        # No handler of Python runs within a long call of C code, or while the interpreter fails
        # again and again because the memory is full. The kernel then ends the process by SIGPROF.
        signal.setitimer(signal.ITIMER_PROF, LAST_PROCESSOR_SECONDS)
        signal.setitimer(signal.ITIMER_VIRTUAL, PROCESSOR_SECONDS)
        try:
            return _answer(request)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.setitimer(signal.ITIMER_PROF, 0)
    except _ProcessorTimeUp:
        return _failure(f"the expression took more than {PROCESSOR_SECONDS} s of processor time")
    except MemoryError:
        return _failure("the expression took too much memory")
    except RecursionError:
        return _failure("the expression is nested or calls itself too deeply")


def _answer(request: dict[str, Any]) -> bytes:
    try:
        if "check" in request:
            _compiled(request["check"])
            return b"{}"
        return _evaluated(**request)
    except JException as error:
        return _failure(str(error), error.get_location())
    except (MemoryError, RecursionError):
        raise
    except Exception as error:
        return _failure(_in_words(error))


def _in_words(error: Exception) -> str:
    """Returns the text of an error that the port raises for some errors of the reference."""
    if isinstance(error, ZeroDivisionError):
        return "a number is divided by zero"
    if isinstance(error, ArithmeticError):
        return "a number is out of range"
    if isinstance(error, KeyError):
        return f"{error} cannot be used here"
    return str(error) or type(error).__name__


def _evaluated(
    evaluate: str,
    document: Any,
    bindings: dict[str, Any],
    moment: int | None = None,
    seed: str | None = None,
) -> bytes:
    expression = _compiled(evaluate)
    expression.moment = moment
    # The source of $random() and $shuffle().
    random.seed(seed)
    # The library evaluates by the expression that was compiled last in the thread.
    Jsonata.CURRENT.jsonata = expression
    result = expression.evaluate(document, bindings)
    if result is None:
        return _failure("the expression yields no value")
    try:
        text = json.dumps(
            Utils.convert_nulls(result), ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode()
    except (TypeError, ValueError):
        return _failure("the result is not JSON")
    if len(text) > MAX_OUTPUT_BYTES:
        return _failure(f"the result has more than {MAX_OUTPUT_BYTES} bytes")
    return b"=" + text


@lru_cache(256)
def _compiled(text: str) -> _Expression:
    expression = _Expression(text)
    # Otherwise null and "no value" look the same.
    expression.set_output_convert_nulls(False)
    # Values that were read from JSON need no check.
    expression.set_validate_input(False)
    return expression


def _failure(detail: str, position: int = 0) -> bytes:
    return json.dumps({"error": detail[:500], "position": max(0, position)}).encode()


if __name__ == "__main__":
    main()
