"""Bringing events to a later version of their type's schema."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from event_bus import times
from event_bus.cache import Cache
from event_bus.errors import EvaluatorNotStarted
from event_bus.expressions.evaluator import ExpressionFailed, evaluate, start
from event_bus.log import logger, traces
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.targets.shaping import not_evaluated

if TYPE_CHECKING:
    from event_bus.model.schemas import SchemaVersion

CACHE_SECONDS = 10.0
"""How long the cache keeps a version's expression, or its absence, in seconds."""

_CACHED_VERSIONS = 1_000

MOST_SECONDS = 2.0
"""The longest time of all expressions that bring one event to a version, in seconds.

The start of the process that evaluates them does not count, nor do reads of versions: both can
take long for reasons that another attempt does not meet.
"""


class UpcastFailed(Exception):
    """An event that cannot be brought to a later version. Another try would fail in the same way.

    Attributes:
        detail: Why.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(slots=True)
class Upcaster:
    """Brings events to later versions, one version after the other.

    Attributes:
        version: Finds one version of a type, even if it was deleted.
        clock: Monotonic clock, in seconds.
    """

    version: "Callable[[str, int], SchemaVersion | None]"
    clock: Callable[[], float] = times.steady
    _known: "Cache[tuple[str, int], SchemaVersion | None]" = field(init=False)

    def __post_init__(self) -> None:
        self._known = Cache(CACHE_SECONDS, _CACHED_VERSIONS, self.clock)

    def brought(self, event: Event, wanted: int | None) -> Event:
        """Returns the event at a version, or at the latest version before it that its type has.

        An event of that version or a later one is not changed. Nor is an event of an unknown
        version, or one whose payload is not JSON. A version without an expression takes payloads as
        they are.

        Args:
            event: The event, with its payload as its reader may see it.
            wanted: The version; None for that of the event.

        Raises:
            UpcastFailed: An expression fails, or does not make an object of the payload.
            EvaluatorNotStarted: The process that evaluates expressions did not start.
        """
        own = event.schema_version
        if wanted is None or own is None or own >= wanted:
            return event
        if event.payload is None or event.content_type:
            return event
        payload, reached, spent = event.payload, own, 0.0
        for number in range(own + 1, wanted + 1):
            version = self._version(event.type, number)
            if version is None:
                break
            if version.upcast:
                start()
                begun = self.clock()
                payload = _evaluated(version.upcast, payload, event, number)
                spent += self.clock() - begun
                if spent > MOST_SECONDS:
                    raise UpcastFailed(f"the expressions take more than {MOST_SECONDS} s")
            reached = number
        if reached == own:
            return event
        return replace(
            event,
            payload=payload,
            payload_bytes=len(payload),
            metadata={**event.metadata, "version": str(reached)},
            schema_version=reached,
        )

    def attempted(self, event: Event, wanted: int | None) -> Event | Outcome:
        """Returns the event as `brought` returns it, or the outcome of an attempt that fails here.

        Another attempt is useless if an expression fails. It is not if the schemas cannot be read,
        or the process that evaluates expressions does not start.
        """
        try:
            return self.brought(event, wanted)
        except UpcastFailed as failure:
            return Outcome("upcast_failed", failure.detail, unsendable=True)
        except EvaluatorNotStarted:
            return not_evaluated(event)
        except (ClientError, BotoCoreError):
            logger.exception("schema version not read", **traces(event))
            return Outcome("schema_not_read", "the schema version could not be read", unsent=True)

    def shown(self, event: Event, wanted: int | None) -> Event:
        """Returns the event as `brought` returns it; unchanged if an expression fails.

        Raises:
            EvaluatorNotStarted: The process that evaluates expressions did not start. The reader
                sends the request again, because the version before may be one that it cannot read.
        """
        try:
            return self.brought(event, wanted)
        except UpcastFailed as failure:
            # For its reader, an old version of an event is better than none.
            logger.warning("event not upcast", **traces(event), detail=failure.detail)
            return event

    def _version(self, event_type: str, number: int) -> "SchemaVersion | None":
        key = event_type, number
        return self._known.fetch(key, lambda: self.version(event_type, number))


def _evaluated(expression: str, payload: bytes, event: Event, number: int) -> bytes:
    try:
        made = evaluate(
            expression, orjson.Fragment(payload), {}, at=event.created_at, seed=event.id
        )
    except ExpressionFailed as failure:
        raise UpcastFailed(
            f"the expression of version {number} of {event.type} fails: {failure.detail}"
        ) from None
    if made[:1] != b"{":
        raise UpcastFailed(
            f"the expression of version {number} of {event.type} does not return an object"
        )
    return made
