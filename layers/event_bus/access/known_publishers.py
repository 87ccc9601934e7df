"""A cache of publishers."""

from collections.abc import Callable
from dataclasses import dataclass, field

from event_bus import times
from event_bus.access.callers import ADMIN
from event_bus.cache import Cache
from event_bus.model.event import BUS_DOMAIN
from event_bus.model.publisher import Publisher

CACHE_SECONDS = 10.0
"""How long a publisher is cached, and so how late a change takes effect, in seconds."""

_CACHED_PUBLISHERS = 10_000

RESERVED_NAMES = frozenset({ADMIN, BUS_DOMAIN})
"""Names reserved for the bus, which no service can have."""


@dataclass(slots=True)
class KnownPublishers:
    """Finds publishers, and caches them for `CACHE_SECONDS`.

    Attributes:
        find: Finds the publisher of a service.
        clock: Monotonic clock, in seconds.
    """

    find: Callable[[str], Publisher | None]
    clock: Callable[[], float] = times.steady
    _known: Cache[str, Publisher | None] = field(init=False)

    def __post_init__(self) -> None:
        self._known = Cache(CACHE_SECONDS, _CACHED_PUBLISHERS, self.clock)

    def of(self, service_id: str) -> Publisher | None:
        """Returns the publisher of a service, or None."""
        return self._known.fetch(service_id, lambda: self.find(service_id))

    def satisfies(self, service_id: str, test: Callable[[Publisher], bool]) -> bool:
        """Returns whether the publisher of a service satisfies a condition.

        If the cached publisher does not satisfy it, the publisher is read again. So a registration
        takes effect as soon as the API has answered it.
        """
        known = self._known.get(service_id)
        if known and test(known):
            return True
        publisher = self.find(service_id)
        self._known.put(service_id, publisher)
        return publisher is not None and test(publisher)
