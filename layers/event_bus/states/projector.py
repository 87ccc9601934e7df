"""Builds read models, and keeps them up to date.

A message only says that a stream may have new events, or that a generation may have work left. Each
state has the version up to which it was folded, and a write replaces only the state that was read.
So messages may come twice, late or in any order.

If the function of a reducer fails, or an expression cannot be evaluated, a delayed message retries
it. The message is sent before the failure is stored, so it is not lost with this function. Until it
comes, other messages for the state are passed over.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from event_bus import json_numbers, times
from event_bus.conflicts import attempts
from event_bus.log import logger
from event_bus.model.event import UNREADABLE_DETAIL
from event_bus.model.read_model import Generation, ModelState, ReadModel
from event_bus.model.reducer import DEFAULT, Reducer
from event_bus.model.stream_name import StreamName
from event_bus.model.stream_version import MAX_VERSION
from event_bus.queues.projections import ProjectionQueue
from event_bus.states.reducing import (
    NumberedEvent,
    Reduce,
    ReducerFailed,
    ReducerUnavailable,
    reduced,
    reduced_in_time,
)
from event_bus.states.retrying import retry_delay, waits_for_retry
from event_bus.stores.events import EventStore
from event_bus.stores.listings import EventSelector, behind, with_any
from event_bus.stores.read_models import MAX_STORED_BYTES, ReadModelStore
from event_bus.stores.reducers import ReducerStore
from event_bus.stores.refusals import Outdated
from event_bus.stores.streams import StreamEntry, StreamStore

_PAGE = 100
"""How many events are read at once, of a stream or of the list of a service's events."""

_LAST = "9999"
"""A position after every event of a list: positions begin with a time."""

_STEP_SECONDS = 15.0
"""How long a step of the building of a generation begins further folds, in seconds."""

_FOLD_SECONDS = 10.0
"""How long a stream is folded at once, in seconds."""

_UNAVAILABLE_SECONDS = 60
"""How long the building of a generation waits for a reducer that cannot be applied, in seconds."""


@dataclass(frozen=True, slots=True)
class Projector:
    """Brings the states of read models up to date.

    Attributes:
        models: The read models and their states.
        reducers: The reducers.
        streams: The entries of streams.
        events: The events.
        queue: Sends the messages that continue the work.
        executor: Reads partitions of lists in parallel.
        reduce: Applies the reducers.
        clock: Monotonic clock, in seconds.
    """

    models: ReadModelStore
    reducers: ReducerStore
    streams: StreamStore
    events: EventStore
    queue: ProjectionQueue
    executor: Executor
    reduce: Reduce = reduced
    clock: Callable[[], float] = times.steady

    def take(self, message: Mapping[str, Any]) -> None:
        """Handles a message of the queue, as `projection_in` returns it."""
        if "stream" in message:
            self.project(StreamName(*message["stream"]))
        else:
            self.step(*message["generation"])

    def project(self, stream: StreamName) -> None:
        """Brings the states of a stream up to date, in each generation of its read model."""
        model = self.models.get(stream.source, stream.category)
        if model is None:
            return
        for generation in model.live:
            if self._advance(model, generation, stream):
                self.queue.changed([stream])

    def step(self, source: str, category: str, number: int) -> None:
        """Continues to build a generation, or removes the states of one that was replaced."""
        model = self.models.get(source, category)
        if model is None:
            return
        building = model.building
        if building is None or building.number != number:
            if number not in [each.number for each in model.live] and self.models.drop(
                model, number
            ):
                self.queue.continue_generation(source, category, number)
            return
        reached, done, delay = self._build(model, building)
        after = replace(building, position=reached)
        with suppress(Outdated):
            if not done:
                self.models.put(model, replace(model, building=after))
            else:
                self._switch(model, after)
                return
        self.queue.continue_generation(source, category, number, delay)

    def _switch(self, model: ReadModel, built: Generation) -> None:
        """Lets requests read a generation that is built, and removes the one before.

        Raises:
            Outdated: The read model has changed meanwhile.
        """
        now = times.now()
        serving = replace(built, built_at=now, position=None)
        if model.serving:
            self.queue.drop_later(model.source, model.category, model.serving.number)
        self.models.put(model, replace(model, serving=serving, building=None, updated_at=now))
        logger.info("read model built", read_model=model.name, generation=built.number)
        if model.serving:
            self.queue.continue_generation(model.source, model.category, model.serving.number)

    def _build(self, model: ReadModel, building: Generation) -> tuple[str | None, bool, int]:
        """Folds the streams of the next events.

        Returns:
            The position, whether it is the end, and for how many seconds to wait before the rest.
        """
        end, position = self.clock() + _STEP_SECONDS, building.position
        listing = with_any(EventSelector(source=model.source))
        listed = self.events.listed(listing, self.executor, newest_first=False)

        def between(reached: str | None) -> tuple[str, str]:
            return (behind(reached) if reached else "0", _LAST)

        for page in listed.pages(between, position, _PAGE):
            # An unreadable event is passed over: a later event of its stream causes the fold of all
            # before it.
            found, _ = self.events.readable([each.id for each in page.entries])
            try:
                for stream in dict.fromkeys(each.stream for each in found.values()):
                    if stream and stream.category == model.category:
                        while self._advance(model, building, stream, marks=False):
                            if self.clock() >= end:
                                return position, False, 0
            except ReducerUnavailable:
                logger.exception("building waits for a reducer", read_model=model.name)
                return position, False, _UNAVAILABLE_SECONDS
            if page.reached is None:
                return position, True, 0
            position = page.reached
            if self.clock() >= end:
                break
        return position, False, 0

    def _advance(
        self, model: ReadModel, generation: Generation, stream: StreamName, *, marks: bool = True
    ) -> bool:
        """Folds new events into the state of a stream.

        Args:
            model: The read model.
            generation: The generation of the state.
            stream: The stream.
            marks: Whether to mark the state as failed if its reducer cannot be applied now.

        Returns:
            Whether more events may follow.

        Raises:
            ReducerUnavailable: `marks` is false, and the reducer cannot be applied now.
        """
        reducer = self._reducer(model, generation)
        for _ in attempts():
            before = self.models.state(model, generation.number, stream.stream_id)
            if before and waits_for_retry(before):
                return False
            # Expressions and merges would fail again for the same event.
            retries = reducer.type == "lambda"
            try:
                after, left = self._folded(reducer, stream, before)
            except ReducerUnavailable as unavailable:
                if not marks:
                    raise
                after, left = replace(self._begun(stream, before), failed=unavailable.detail), False
                retries = True
            if after and after.failed and retries:
                after = self._retried(stream, before, after)
            elif after == before or after is None:
                return False
            if self.models.put_state(model, generation, before, after):
                return left and after.failed is None
        raise TimeoutError(f"other functions changed the state of {stream.text} in every attempt")

    def _retried(
        self, stream: StreamName, before: ModelState | None, failed: ModelState
    ) -> ModelState:
        """Sends the message that retries a state, unless it has failed too often."""
        failures = 1
        if before and before.version == failed.version:
            failures += before.failures
        delay = retry_delay(failures)
        if delay is None:
            return replace(failed, failures=failures, retry_at=None)
        # The delay counts from the time at which SQS takes the message. That may be long before its
        # answer is here, and a message that comes before this time is passed over.
        retry_at = times.after(delay)
        self.queue.retry(stream, delay)
        return replace(failed, failures=failures, retry_at=retry_at)

    def _begun(self, stream: StreamName, state: ModelState | None) -> ModelState:
        """Returns a state; if it is None, that before the first visible event."""
        if state is not None:
            return state
        before = self.streams.marks(stream).first_visible - 1
        return ModelState(stream.stream_id, version=before, updated_at=times.now())

    def _reducer(self, model: ReadModel, generation: Generation) -> Reducer:
        if generation.reducer == 0:
            return DEFAULT
        found = self.reducers.version(model.source, model.category, generation.reducer)
        return found.effective if found else DEFAULT

    def _folded(
        self, reducer: Reducer, stream: StreamName, before: ModelState | None
    ) -> tuple[ModelState | None, bool]:
        """Folds the next events of a stream.

        Args:
            reducer: The reducer.
            stream: The stream.
            before: The stored state; None if there is none.

        Returns:
            The state after them, with the reason if the reducer fails, and whether more events may
            follow. It is `before` if nothing has changed.

        Raises:
            ReducerUnavailable: The reducer cannot be applied now.
        """
        state = self._begun(stream, before)
        entries = self.streams.between(stream, state.version + 1, MAX_VERSION, _PAGE)
        if not entries:
            return before, False
        numbered, lost = self._read(entries)
        current = json_numbers.dumps(state.state)
        made, failed, version = current, None, entries[-1].version
        left = len(entries) == _PAGE
        try:
            made, count = self._reduced(reducer, current, numbered)
            if count < len(numbered):
                version, left = numbered[count - 1].version, True
            elif lost is not None:
                failed = f"version {lost}: {UNREADABLE_DETAIL}"
                version, left = lost - 1, False
        except ReducerFailed as failure:
            made, failed = failure.state, f"version {failure.version}: {failure.detail}"
            version = failure.before or state.version
        folded = [each for each in numbered if each.version <= version]
        types = sorted({*state.types, *(each.event.type for each in folded)})
        if len(made) + len(json_numbers.dumps(types)) > MAX_STORED_BYTES:
            failed = f"the state and its event types have more than {MAX_STORED_BYTES} bytes"
            made, version, folded, types = current, state.version, [], state.types
        if before and version == before.version and failed == before.failed:
            return before, False
        return (
            ModelState(
                stream_id=stream.stream_id,
                version=version,
                events=state.events + len(folded),
                state=json_numbers.loads(made),
                types=types,
                updated_at=times.now(),
                failed=failed,
            ),
            left,
        )

    def _read(self, entries: Sequence[StreamEntry]) -> tuple[list[NumberedEvent], int | None]:
        """Reads the events of entries.

        Returns:
            The events without those that have expired, up to the first one that cannot be read, and
            the version of that one; None if all can be read.
        """
        found, unreadable = self.events.readable([each.event_id for each in entries])
        lost = next((each.version for each in entries if each.event_id in unreadable), None)
        # Markers stay in place of sealed values, so these never enter the table.
        numbered = [
            NumberedEvent(each.version, event)
            for each in entries
            if lost is None or each.version < lost
            if (stored := each.event_in(found))
            if (event := self.events.whole(stored))
        ]
        return numbered, lost

    def _reduced(
        self, reducer: Reducer, state: bytes, events: list[NumberedEvent]
    ) -> tuple[bytes, int]:
        end = self.clock() + _FOLD_SECONDS
        return reduced_in_time(self.reduce, reducer, state, events, lambda: self.clock() < end)
