"""Applies reducers of the type `lambda`: calls functions with a state and the next events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from event_bus import json_numbers, strict_json, times
from event_bus.batches import batches
from event_bus.errors import Problem
from event_bus.model.outcome import Outcome
from event_bus.model.reducer import Reducer
from event_bus.states.reducing import (
    MAX_STATE_BYTES,
    NumberedEvent,
    ReducerFailed,
    ReducerUnavailable,
    described,
    reduced,
)
from event_bus.targets.aws_transport import failure

if TYPE_CHECKING:
    from event_bus.targets.aws_clients import TargetClients

CALL_SECONDS = 5.0
"""How long a function may take for one call, and until when further calls for a batch may begin."""

MAX_CALL_EVENTS = 100
"""The most events of one call."""

# A request of a synchronous call may have 6 MB
# (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
_MAX_CALL_BYTES = 4 * 1024 * 1024
_MAX_ERROR_CHARACTERS = 100
# Codes of outcomes: the owner of the function must act, or a later call may succeed.
_REFUSED = {
    "access_denied": "its owner has not opted it in by the tag, or a policy or role forbids it",
    "target_not_found": "the function, or this version of it, does not exist",
}
_LATER = ("throttled", "connection_broken")


class _CallFailed(Exception):
    """A call returned no state.

    Attributes:
        detail: The reason.
        called: Whether the function was called. If not, a call with fewer events fails as well.
    """

    def __init__(self, detail: str, *, called: bool = True) -> None:
        super().__init__(detail)
        self.detail = detail
        self.called = called


@dataclass(frozen=True, slots=True)
class FunctionReducers:
    """Applies reducers of all types; for the type `lambda`, it calls their functions.

    Attributes:
        clients: Makes clients of Lambda, by the role of a reducer.
        clock: Monotonic clock, in seconds.
    """

    clients: "TargetClients"
    clock: Callable[[], float] = times.steady

    def reduced(self, reducer: Reducer, state: bytes, events: Sequence[NumberedEvent]) -> bytes:
        """Returns the state after some events.

        Args:
            reducer: The reducer.
            state: The state before them, as JSON.
            events: The events, in order.

        Raises:
            ReducerFailed: The reducer fails, or the state is over `MAX_STATE_BYTES`.
            ReducerUnavailable: The function cannot be called now, or the expression not evaluated.
        """
        if reducer.type != "lambda":
            return reduced(reducer, state, events)
        before: int | None = None
        written = [(each, json_numbers.dumps(described(each))) for each in events]
        for batch in batches(
            written, lambda each: len(each[1]), most=MAX_CALL_EVENTS, most_bytes=_MAX_CALL_BYTES
        ):
            state = self._by_halves(reducer, state, before, batch, self.clock() + CALL_SECONDS)
            before = batch[-1][0].version
        return state

    def _by_halves(
        self,
        reducer: Reducer,
        state: bytes,
        before: int | None,
        batch: Sequence[tuple[NumberedEvent, bytes]],
        end: float,
    ) -> bytes:
        """Returns the state after a batch, and calls the function again with halves if it fails.

        So the state includes all events before the one for which the function fails.

        Args:
            reducer: The reducer.
            state: The state before the batch.
            before: The version of that state, for the error.
            batch: The events, each also as JSON.
            end: When the last call may begin, by the clock.
        """
        first, last = batch[0][0].version, batch[-1][0].version
        try:
            return self._call(reducer, state, [each for _, each in batch], end)
        except _CallFailed as failed:
            if len(batch) == 1 or not failed.called or self.clock() >= end:
                several = f" (called with the versions {first} to {last})" if last > first else ""
                raise ReducerFailed(first, failed.detail + several, state, before) from None
        middle = len(batch) // 2
        state = self._by_halves(reducer, state, before, batch[:middle], end)
        before = batch[middle - 1][0].version
        return self._by_halves(reducer, state, before, batch[middle:], end)

    def _call(self, reducer: Reducer, state: bytes, events: list[bytes], end: float) -> bytes:
        """Returns the state after events; calls a function that is busy once more before `end`."""
        payload = b'{"state":%b,"events":[%b]}' % (state, b",".join(events))
        answered = self._invoke(reducer, payload)
        if isinstance(answered, Outcome) and answered.code in _LATER and self.clock() < end:
            answered = self._invoke(reducer, payload)
        if isinstance(answered, bytes):
            return _state_of(answered)
        if answered.code in _LATER:
            raise ReducerUnavailable(f"the function cannot be called: {answered.message}")
        if answered.code == "timeout":
            raise _CallFailed(f"the function did not answer within {CALL_SECONDS:g} s")
        reason = _REFUSED.get(answered.code or "", answered.message)
        raise _CallFailed(f"the function cannot be called: {reason}", called=False)

    def _invoke(self, reducer: Reducer, payload: bytes) -> bytes | Outcome:
        """Returns the result of the function, or the reason why it could not be called."""
        try:
            client = self.clients.by_role(reducer.role_arn, reducer.external_id or "", CALL_SECONDS)
            answer = client.invoke(
                FunctionName=reducer.function, InvocationType="RequestResponse", Payload=payload
            )
            # One byte above the limit shows that the result is too large.
            result: bytes = answer["Payload"].read(MAX_STATE_BYTES + 1)
        except (ClientError, BotoCoreError) as error:
            return failure(error)
        if answer.get("FunctionError"):
            raise _CallFailed(f"the function failed{_error_type(result)}")
        return result


def _error_type(result: bytes) -> str:
    """Returns the type of a function's error; its message may hold secrets."""
    try:
        error = orjson.loads(result)
    except orjson.JSONDecodeError:
        return ""
    found = error.get("errorType") if isinstance(error, dict) else None
    return f" ({found[:_MAX_ERROR_CHARACTERS]})" if isinstance(found, str) else ""


def _state_of(result: bytes) -> bytes:
    if len(result) > MAX_STATE_BYTES:
        raise _CallFailed(f"the function returned more than {MAX_STATE_BYTES} bytes")
    try:
        state = strict_json.parse(result)
    except Problem:
        raise _CallFailed("the function did not return valid JSON for the bus") from None
    if not isinstance(state, dict):
        raise _CallFailed("the function must return the state, an object")
    return json_numbers.dumps(state)
