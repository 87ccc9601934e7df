"""Enriches an event: asks each source, with the retries and the cache of its policy."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson

from event_bus import times
from event_bus.cache import Cache
from event_bus.enrichment.calls import ENRICHMENT_FAILED
from event_bus.enrichment.sources import Asker, Question, SourceCircuits, SourceFailed
from event_bus.log import logger, traces
from event_bus.model.delivery import DeliveryKey
from event_bus.model.enrichment import Source, StaticSource
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.subscription import Subscription
from event_bus.targets.shaping import event_parts
from event_bus.targets.transport import DeliveryRequest
from event_bus.targets.upcasting import Upcaster
from event_bus.transforms.event_parts import EventParts

_CACHED = 1_000
_LONGEST_PAUSE_SECONDS = 0.2


@dataclass(slots=True)
class Enricher:
    """Enriches events.

    Sources see an event in the schema version that its subscription asks for, with markers in place
    of sealed values.

    Attributes:
        askers: Asks sources, by their type.
        upcaster: Brings events to the version that a subscription asks for.
        circuits: The circuit breakers of sources.
        clock: Monotonic clock, in seconds.
        sleep: Sleeps for a number of seconds.
    """

    askers: Mapping[str, Asker[Any]]
    upcaster: Upcaster
    circuits: SourceCircuits
    clock: Callable[[], float] = times.steady
    sleep: Callable[[float], None] = times.sleep
    _known: Cache[Any, bytes] = field(init=False)

    def __post_init__(self) -> None:
        self._known = Cache(0, _CACHED, self.clock)

    def enriched(
        self, key: DeliveryKey, event: Event, subscription: Subscription
    ) -> bytes | Outcome:
        """Returns what is added to an event, as a JSON object, or a failed outcome.

        Args:
            key: The delivery.
            event: The event, with its payload.
            subscription: The subscription, which asks for an enrichment.
        """
        brought = self.upcaster.attempted(event, subscription.schema_version)
        if isinstance(brought, Outcome):
            return brought
        parts = event_parts(DeliveryRequest(key, brought, subscription))
        found: dict[str, orjson.Fragment] = {}
        for name, source in (subscription.enrichment or {}).items():
            try:
                found[name] = orjson.Fragment(self._part(name, source, subscription, parts))
            except SourceFailed as failure:
                logger.warning(
                    "event not enriched",
                    **traces(event),
                    subscription_id=subscription.id,
                    source=name,
                    detail=failure.detail,
                    fallback=source.fallback,
                )
                if source.fallback == "fail":
                    return Outcome(
                        ENRICHMENT_FAILED,
                        f"{name}: {failure.detail}",
                        retry_after=failure.retry_after,
                    )
        return orjson.dumps(found)

    def _part(
        self, name: str, source: Source, subscription: Subscription, parts: EventParts
    ) -> bytes:
        if isinstance(source, StaticSource):
            return source.json.encode()
        question = self.askers[source.type].question(source, subscription, parts)
        if question.guarded:
            guarded = partial(self.circuits.guarded, subscription.id, name, question.ask)
            question = replace(question, ask=guarded)
        if not source.cache_seconds or question.key is None:
            return self._tried(source, question)
        # A result is cached for its service alone, and for sources with the same `cache_seconds`:
        # none gets a result that is older than it permits.
        asked = (subscription.service_id, source.type, question.key, source.cache_seconds)
        if (known := self._known.get(asked)) is not None:
            return known
        part = self._tried(source, question)
        self._known.put(asked, part, source.cache_seconds)
        return part

    def _tried(self, source: Source, question: Question) -> bytes:
        for _ in range(source.retries):
            try:
                return question.ask()
            except SourceFailed as failure:
                if not failure.again:
                    raise
            self.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311
        return question.ask()
