"""Publishes in the background, so that a service does not wait for the bus."""

import atexit
import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from event_bus_client._sync.client import EventBus
from event_bus_client.calls import encoded
from event_bus_client.durations import checked
from event_bus_client.errors import (
    ConnectionFailed,
    InvalidRequest,
    MalformedRequest,
    Problem,
    PublisherClosed,
    QueueFull,
    ServerError,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
)
from event_bus_client.event_types import new_event
from event_bus_client.models import NewEvent, Result
from event_bus_client.publishing import MAX_BATCH, new_id, prepared
from event_bus_client.spool import Spool

logger = logging.getLogger("event_bus_client")

Refused = Callable[[NewEvent, Problem], None]

_OF_ONE_EVENT = (InvalidRequest, MalformedRequest, TooLarge)
"""Refusals of a whole request that may be about one of its events."""


class BackgroundPublisher:
    """Takes events at once, and publishes them in batches from a thread of its own.

    Events go out in the order in which they were given. A batch is sent when it is full, or when
    its first event has waited for `flush_seconds`. While the bus cannot be reached or refuses the
    key, events wait in the queue; when the queue is full, `publish` waits or raises.

    Without a spool file, events that wait are lost when the process is killed. With one, they are
    in the file before `publish` returns, and the next publisher on that file sends them. Their ids
    stay the same, so that none is published twice.

    Example:
        ```python
        with BackgroundPublisher(EventBus()) as publisher:
            publisher.publish("order.placed", {"total": 250})
        ```
    """

    def __init__(
        self,
        bus: EventBus,
        *,
        queue_size: int = 10_000,
        batch_size: int = MAX_BATCH,
        flush_seconds: float = 0.2,
        block: bool = True,
        spool: Path | str | None = None,
        on_refused: Refused | None = None,
    ) -> None:
        """Starts the thread.

        Args:
            bus: Publishes. The publisher does not close it.
            queue_size: How many events may wait.
            batch_size: How many events go into one request, at most 100.
            flush_seconds: How long an event waits for others.
            block: Whether `publish` waits while the queue is full; else it raises QueueFull.
            spool: A file that holds events until they are published. One process uses it at a time.
            on_refused: Is called in the publisher's thread with each event that the bus refuses;
                its exceptions are logged. Without it, refusals are logged as errors.

        Raises:
            ConfigurationError: A duration is not valid, or another publisher uses the spool file.
            OSError: The spool file cannot be opened.
        """
        self._bus = bus
        self._queue_size = queue_size
        self._batch_size = min(batch_size, MAX_BATCH)
        self._flush_seconds = checked("flush_seconds", flush_seconds, zero=True)
        self._block = block
        self._on_refused = on_refused or _log
        self._changed = threading.Condition()
        self._waiting: deque[NewEvent] = deque()
        self._in_flight = 0
        self._flushing = 0
        self._closed = False
        self._given_up = False
        self._ended = False
        self._process = os.getpid()
        self._spool = Spool(Path(spool)) if spool else None
        if self._spool:
            self._waiting.extend(NewEvent.of_document(each) for each in self._spool.load())
        self._thread = threading.Thread(target=self._run, name="event-bus-publisher", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def publish(
        self, what: str | BaseModel, payload: dict[str, Any] | bytes | None = None, **members: Any
    ) -> str:
        """Takes an event to publish.

        Args:
            what: The event's type, or its payload as a model declared by `event_type`.
            payload: The payload, if `what` is a type: a JSON object, or bytes.
            members: Further members of the event, as `EventBus.publish` takes them.

        Returns:
            The event's id.

        Raises:
            QueueFull: The queue is full, and the publisher does not block.
            PublisherClosed: The publisher was closed, its thread has failed, or it was made before
                this process was forked.
            ValueError: The payload is not JSON.
        """
        if self._forked:
            raise PublisherClosed("The publisher was made before a fork: make one in each process.")
        members["id"] = members.get("id") or new_id()
        event = new_event(what, payload, **members)
        # Prepared here, because the thread has another trace context than the caller.
        document = prepared(event)
        event = event.model_copy(update={"metadata": document["metadata"]})
        # Whoever publishes learns of a payload that is not JSON. The thread could tell nobody.
        content = encoded(document)
        with self._changed:
            while len(self._waiting) >= self._queue_size and not (self._closed or self._ended):
                if not self._block:
                    raise QueueFull(f"{self._queue_size} events wait to be published.")
                # No time limit: the caller chose to block. The end of the thread notifies, too.
                self._changed.wait()
            if self._closed or self._ended:
                said = "is closed" if self._closed else "has failed"
                raise PublisherClosed(f"The publisher {said}.")
            if self._spool:
                self._spool.append(content)
            self._waiting.append(event)
            self._changed.notify_all()
        return str(event.id)

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until all events that were taken are published or refused, or the thread fails.

        Args:
            timeout: How many seconds to wait at most; None waits as long as it takes.

        Returns:
            Whether nothing is left.
        """
        timeout = _limit(timeout)
        if self._forked:
            return False
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            try:
                self._changed.wait_for(lambda: self._ended or not self._left(), timeout)
                return not self._left()
            finally:
                self._flushing -= 1

    def close(self, timeout: float | None = 10) -> bool:
        """Publishes what waits, and ends the thread. It is called when the process exits.

        Args:
            timeout: How many seconds to wait at most.

        Returns:
            Whether everything was published or refused. What is left stays in the spool file, if
            there is one, and is lost otherwise.
        """
        timeout = _limit(timeout)
        if self._forked:
            return False
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        end = None if timeout is None else time.monotonic() + timeout
        done = self.flush(timeout)
        with self._changed:
            if not done:
                then = "stay in the spool file" if self._spool else "are lost"
                logger.error("%d events were not published in time, and %s", self._left(), then)
                self._given_up = True
                self._waiting.clear()
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            # It may be in `on_refused`.
            self._thread.join(None if end is None else max(1.0, end - time.monotonic()))
        if self._spool:
            with self._changed:
                self._spool.close()
        atexit.unregister(self.close)
        return done

    def __enter__(self) -> "BackgroundPublisher":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _forked(self) -> bool:
        """Whether the thread, the lock and the spool file are those of the parent process."""
        return os.getpid() != self._process

    def _left(self) -> int:
        return len(self._waiting) + self._in_flight

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                self._publish(batch)
        finally:
            # Nobody waits for a thread that has ended.
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _publish(self, batch: list[NewEvent]) -> None:
        results = self._published(batch)
        with self._changed:
            self._in_flight = 0
            if self._spool and results is not None:
                # A publisher that gives up forgets the events that wait, but the file keeps them.
                done_with_all = not (self._waiting or self._given_up)
                self._spool.done(len(batch), empty=done_with_all)
            self._changed.notify_all()
        for event, outcome in zip(batch, results or (), strict=False):
            if outcome.problem:
                self._report(event, outcome.problem)

    def _report(self, event: NewEvent, refusal: Problem) -> None:
        try:
            self._on_refused(event, refusal)
        except Exception:
            # The thread must not end, because it publishes the other events.
            logger.exception("on_refused failed for event %s (%s)", event.id, event.type)

    def _next_batch(self) -> list[NewEvent]:
        """Returns the next events, once they are due; none if the publisher has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            due = time.monotonic() + self._flush_seconds
            while 0 < len(self._waiting) < self._batch_size and not (
                self._closed or self._flushing
            ):
                left = due - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            count = min(self._batch_size, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(count)]
            self._in_flight = len(batch)
            self._changed.notify_all()
            return batch

    def _published(self, batch: list[NewEvent]) -> list[Result] | None:
        """Publishes a batch, as often as it takes; None if the publisher was ended meanwhile."""
        pause = 0.5
        while True:
            try:
                return self._bus.publish_batch(batch)
            except (ConnectionFailed, ServerError, TooManyRequests, Unauthenticated) as failure:
                # A 401 is about the key, not about the events, so none of them is refused.
                logger.warning("publishing failed, %d events wait: %s", self._left(), failure)
            except RuntimeError:
                # The bus was closed before this publisher had ended.
                if not self._given_up:
                    raise
                return None
            except Problem as refusal:
                if len(batch) > 1 and isinstance(refusal, _OF_ONE_EVENT):
                    return self._published_in_halves(batch)
                return [Result(id=str(each.id), problem=refusal) for each in batch]
            with self._changed:
                if self._changed.wait_for(lambda: self._given_up, pause):
                    return None
            pause = min(30.0, pause * 2)

    def _published_in_halves(self, batch: list[NewEvent]) -> list[Result] | None:
        """Finds the event for which a batch was refused, and publishes the others."""
        half = len(batch) // 2
        first = self._published(batch[:half])
        rest = None if first is None else self._published(batch[half:])
        return None if first is None or rest is None else first + rest


def _limit(timeout: float | None) -> float | None:
    """Returns a time limit as `threading` takes it, which cannot wait for an infinite time."""
    if timeout is None:
        return None
    limit = checked("timeout", timeout, zero=True, endless=True)
    return None if limit == math.inf else limit


def _log(event: NewEvent, refusal: Problem) -> None:
    logger.error("event %s (%s) was refused: %s", event.id, event.type, refusal)
