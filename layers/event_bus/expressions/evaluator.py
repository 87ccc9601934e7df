"""Evaluates JSONata in a child process with bounds on time and memory.

An expression of a client may loop, recurse, search with a catastrophic regular expression or double
a string until the memory is full. No check inside one interpreter stops all of these, so a child
process evaluates: the kernel bounds its memory, a timer bounds its processor time, and the parent
ends it when it does not answer. It is started by the first expression and serves those that follow.
"""

import os
import select
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import IO, cast

import orjson

from event_bus import json_numbers, times
from event_bus.errors import EvaluatorNotStarted
from event_bus.expressions.limits import (
    MAX_EXPRESSION_CHARACTERS,
    MAX_INPUT_BYTES,
    REST_SECONDS,
    START_SECONDS,
    WALL_SECONDS,
)

_WORKER = "event_bus.expressions.worker"
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME")
_LENGTH = struct.Struct(">I")


class InvalidExpression(ValueError):
    """An expression that is not JSONata.

    Attributes:
        detail: What is wrong.
        position: Where, in characters from the start of the expression.
    """

    def __init__(self, detail: str, position: int = 0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.position = position


class ExpressionFailed(Exception):
    """An expression that has no result for an input.

    Attributes:
        detail: Why.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def start() -> None:
    """Starts the process that evaluates, unless it is running.

    Callers that measure the time of an expression call this first.

    Raises:
        EvaluatorNotStarted: The process did not start.
    """
    _PROCESS.start()


def check(expression: str) -> None:
    """Refuses an expression that cannot be parsed.

    Raises:
        InvalidExpression: It is too long, or not JSONata.
        EvaluatorNotStarted: The process that evaluates did not start.
    """
    if len(expression) > MAX_EXPRESSION_CHARACTERS:
        raise InvalidExpression(
            f"must have at most {MAX_EXPRESSION_CHARACTERS} characters", MAX_EXPRESSION_CHARACTERS
        )
    try:
        answer = orjson.loads(_PROCESS.ask(orjson.dumps({"check": expression})))
    except ExpressionFailed as failure:
        raise InvalidExpression(f"cannot be parsed: {failure.detail}") from None
    except TypeError:
        raise InvalidExpression("must not hold half of a surrogate pair") from None
    if error := answer.get("error"):
        raise InvalidExpression(error, answer["position"])


def evaluate(
    expression: str,
    document: object,
    bindings: Mapping[str, object],
    *,
    at: str | None = None,
    seed: str | None = None,
) -> bytes:
    """Evaluates an expression.

    Args:
        expression: The expression.
        document: Its input, `$`: parsed JSON, or an `orjson.Fragment` of ready-made JSON.
        bindings: Further variables, by their names without `$`.
        at: The time that `$now()` and `$millis()` return, RFC 3339; None for the present.
        seed: The seed of `$random()` and `$shuffle()`. The same seed gives the same numbers; None
            gives new ones each time.

    Returns:
        The result as compact JSON, of at most `MAX_OUTPUT_BYTES`.

    Raises:
        ExpressionFailed: There is no result: the expression takes too much time or memory, fails,
            or matches nothing.
        EvaluatorNotStarted: The process that evaluates did not start.
    """
    request = json_numbers.dumps(
        {
            "evaluate": expression,
            "document": document,
            "bindings": dict(bindings),
            "moment": round(1000 * times.seconds(at)) if at else None,
            "seed": seed,
        }
    )
    if len(request) > MAX_INPUT_BYTES:
        raise ExpressionFailed(f"the input has more than {MAX_INPUT_BYTES} bytes")
    answer = _PROCESS.ask(request)
    # The first byte distinguishes a result from an error, so most results are not parsed here.
    if answer[:1] == b"=":
        return answer[1:]
    raise ExpressionFailed(orjson.loads(answer)["error"])


class _Process:
    """The child process. It answers one request at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        # Whether the child may write an answer that nobody has read.
        self._owes = False
        # Until when no child is started, by the monotonic clock.
        self._rests_until = 0.0

    def start(self) -> None:
        """Starts the child, unless it is running.

        Raises:
            EvaluatorNotStarted: The child did not start.
        """
        with self._lock:
            self._running()

    def ask(self, request: bytes) -> bytes:
        """Sends a request, and waits for the answer.

        Raises:
            ExpressionFailed: The child did not answer.
            EvaluatorNotStarted: The child did not start, for which no expression is to blame.
        """
        with self._lock:
            child = self._running()
            try:
                self._owes = True
                answer = _exchange(child, request)
                self._owes = False
            except TimeoutError:
                raise ExpressionFailed("the expression took too long") from None
            except (OSError, EOFError):
                raise ExpressionFailed(
                    "the expression took too much memory or processor time"
                ) from None
            finally:
                if self._owes:
                    self._end()
            return answer

    def _running(self) -> "subprocess.Popen[bytes]":
        """Returns a child that can take a request."""
        # The process of an earlier request may have died since. If that request was interrupted,
        # the process may still send its answer, which would be taken for the answer to this one.
        child = self._child
        if child is None or self._owes or child.poll() is not None:
            if times.steady() < self._rests_until:
                raise EvaluatorNotStarted
            child = self._start()
        return child

    def _start(self) -> "subprocess.Popen[bytes]":
        self._end()
        self._owes = True
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        # It gets no credentials, because clients write the expressions.
        environment["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
        try:
            child = self._child = subprocess.Popen(  # noqa: S603
                [sys.executable, "-S", "-m", _WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Otherwise closing the pipe would write what the child has not read.
                bufsize=0,
                env=environment,
            )
            os.set_blocking(_input(child), False)
            # A busy machine takes long to import the library.
            _read_answer(child, times.steady() + START_SECONDS)
            self._owes = False
        except (OSError, EOFError) as error:
            self._end()
            if isinstance(error, TimeoutError):
                # Each message of a batch would wait, and the function would time out.
                self._rests_until = times.steady() + REST_SECONDS
            raise EvaluatorNotStarted from error
        return child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child:
            child.kill()
            # Nothing survives this signal.
            child.wait()
            for pipe in (child.stdin, child.stdout):
                cast("IO[bytes]", pipe).close()


def _exchange(child: "subprocess.Popen[bytes]", request: bytes) -> bytes:
    end = times.steady() + WALL_SECONDS
    # The child reads the whole request before it writes, so neither waits for the other.
    _write(_input(child), _LENGTH.pack(len(request)) + request, end)
    return _read_answer(child, end)


def _input(child: "subprocess.Popen[bytes]") -> int:
    return cast("IO[bytes]", child.stdin).fileno()


def _read_answer(child: "subprocess.Popen[bytes]", end: float) -> bytes:
    source = cast("IO[bytes]", child.stdout).fileno()
    [length] = _LENGTH.unpack(_read(source, _LENGTH.size, end))
    return _read(source, length, end)


def _write(target: int, content: bytes, end: float) -> None:
    """Writes to a pipe that does not block.

    Raises:
        TimeoutError: The child has not read it in time.
        OSError: The child has ended.
    """
    rest = memoryview(content)
    poll = select.poll()
    poll.register(target, select.POLLOUT)
    while rest:
        _await(poll, end)
        rest = rest[os.write(target, rest) :]


def _read(source: int, length: int, end: float) -> bytes:
    parts: list[bytes] = []
    poll = select.poll()
    poll.register(source, select.POLLIN)
    while length > 0:
        _await(poll, end)
        part = os.read(source, length)
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _await(poll: select.poll, end: float) -> None:
    if not poll.poll(max(0.0, 1000 * (end - times.steady()))):
        raise TimeoutError


_PROCESS = _Process()
