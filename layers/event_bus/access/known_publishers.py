"""The publishers that were read lately."""

from collections.abc import Callable
from dataclasses import dataclass, field

from event_bus import times
from event_bus.access.callers import ADMIN
from event_bus.cache import Cache
from event_bus.model.event import BUS_DOMAIN
from event_bus.model.registration import Publisher

CACHE_SECONDS = 10.0
"""How long a publisher is trusted without another look, and so how late a change acts."""

_CACHED_PUBLISHERS = 10_000

RESERVED_NAMES = frozenset({ADMIN, BUS_DOMAIN})
"""Names that the bus keeps for itself: no service is registered by them."""


@dataclass(slots=True)
class KnownPublishers:
    """Finds publishers, and remembers them for `CACHE_SECONDS`.

    Attributes:
        find: Finds the publisher that a service is.
        clock: Monotonic clock, in seconds.
    """

    find: Callable[[str], Publisher | None]
    clock: Callable[[], float] = times.steady
    _known: Cache[str, Publisher | None] = field(init=False)

    def __post_init__(self) -> None:
        self._known = Cache(CACHE_SECONDS, _CACHED_PUBLISHERS, self.clock)

    def of(self, service_id: str) -> Publisher | None:
        """The publisher that a service is, or None."""
        return self._known.fetch(service_id, lambda: self.find(service_id))

    def satisfies(self, service_id: str, test: Callable[[Publisher], bool]) -> bool:
        """Whether a service is a publisher of some kind.

        Before that is denied the publisher is read again, so that a registration counts from the
        moment it was answered.
        """
        known = self._known.get(service_id)
        if known and test(known):
            return True
        publisher = self.find(service_id)
        self._known.put(service_id, publisher)
        return publisher is not None and test(publisher)
