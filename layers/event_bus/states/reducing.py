"""Applies reducers: computes the next state from a state and the events after it.

States are passed as JSON, because another process evaluates expressions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from event_bus import json_numbers
from event_bus.errors import EvaluatorNotStarted
from event_bus.expressions.evaluator import ExpressionFailed, evaluate
from event_bus.model.event import Event
from event_bus.model.merge_patch import merged
from event_bus.model.reducer import Reducer
from event_bus.strict_json import MAX_DEPTH, deeper_than

MAX_STATE_BYTES = 1024 * 1024
"""The largest state, as compact JSON in UTF-8."""

EMPTY = b"{}"
"""The state of a stream before its first event."""


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """An event with its version in a stream.

    Attributes:
        version: Its version.
        event: The event, with its payload.
    """

    version: int
    event: Event


class ReducerFailed(Exception):
    """A reducer failed for an event.

    Attributes:
        version: The version of the event.
        detail: The reason.
        state: The state before the event.
        before: The version of that state; None if no event was folded before the failure.
    """

    def __init__(self, version: int, detail: str, state: bytes, before: int | None) -> None:
        super().__init__(f"version {version}: {detail}")
        self.version = version
        self.detail = detail
        self.state = state
        self.before = before


class ReducerUnavailable(Exception):
    """A reducer cannot be applied now, but perhaps later.

    Its function cannot be called, or its expression cannot be evaluated.

    Attributes:
        detail: The reason.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


Reduce = Callable[[Reducer, bytes, Sequence[NumberedEvent]], bytes]
"""Returns the state after some events, by a reducer and the state before them."""


def reduced(reducer: Reducer, state: bytes, events: Sequence[NumberedEvent]) -> bytes:
    """Returns the state after some events, by a reducer that needs no function.

    Args:
        reducer: The reducer, of the type `merge` or `jsonata`.
        state: The state before them, as JSON.
        events: The events, in order.

    Raises:
        ReducerFailed: The reducer fails, or the state is over `MAX_STATE_BYTES`.
        ReducerUnavailable: The process that evaluates expressions did not start.
    """
    before: int | None = None
    for each in events:
        try:
            after = _next(reducer, state, each)
        except EvaluatorNotStarted as failure:
            raise ReducerUnavailable(failure.cause) from None
        except ExpressionFailed as failure:
            raise ReducerFailed(each.version, failure.detail, state, before) from None
        if detail := flaw_of(after):
            raise ReducerFailed(each.version, detail, state, before)
        state, before = after, each.version
    return state


def flaw_of(state: bytes) -> str | None:
    """Returns why a state cannot be kept; None if it can."""
    if len(state) > MAX_STATE_BYTES:
        return f"the state has more than {MAX_STATE_BYTES} bytes"
    if state.count(b"{") + state.count(b"[") <= MAX_DEPTH:
        return None
    try:
        deep = deeper_than(json_numbers.loads(state), MAX_DEPTH)
    except (ValueError, RecursionError):
        deep = True
    return f"the state is nested deeper than {MAX_DEPTH} levels" if deep else None


def reduced_in_time(
    reduce: Reduce,
    reducer: Reducer,
    state: bytes,
    events: Sequence[NumberedEvent],
    in_time: Callable[[], bool],
) -> tuple[bytes, int]:
    """Returns the state after as many events as time permits, and their number: one at least.

    An expression may take a quarter of a second for each event, so time is checked before each. A
    function has a limit of its own for a batch, and a merge takes next to no time.

    Args:
        reduce: Applies reducers.
        reducer: The reducer.
        state: The state before the events, as JSON.
        events: The events, in order.
        in_time: Whether there is time left.

    Raises:
        ReducerFailed: The reducer fails, or the state is over `MAX_STATE_BYTES`.
        ReducerUnavailable: The reducer cannot be applied now.
    """
    if reducer.type != "jsonata":
        return reduce(reducer, state, events), len(events)
    for place, each in enumerate(events):
        if place and not in_time():
            return state, place
        try:
            state = reduce(reducer, state, [each])
        except ReducerFailed as failed:
            before = events[place - 1].version if place else None
            raise ReducerFailed(failed.version, failed.detail, state, before) from None
    return state, len(events)


def _next(reducer: Reducer, state: bytes, each: NumberedEvent) -> bytes:
    if reducer.type == "merge":
        patch = json_numbers.loads(each.event.json_payload or EMPTY)
        return json_numbers.dumps(merged(json_numbers.loads(state), patch))
    document = {"state": orjson.Fragment(state), "event": described(each)}
    after = evaluate(reducer.expression or "", document, {})
    if after[:1] != b"{":
        raise ExpressionFailed("the state must be an object")
    return after


def described(each: NumberedEvent) -> dict[str, Any]:
    """Returns an event as reducers see it."""
    return {**each.event.envelope(), "version": each.version}
