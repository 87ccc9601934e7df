"""The publishers that were read lately."""

from collections.abc import Callable
from dataclasses import dataclass, field

from event_bus import times
from event_bus.access.callers import ADMIN
from event_bus.model.event import BUS_DOMAIN
from event_bus.model.registration import Publisher

CACHE_SECONDS = 10.0
"""How long a publisher is trusted without another look, and so how late a change acts."""

_REMEMBERED = 10_000

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
    _known: dict[str, tuple[Publisher | None, float]] = field(default_factory=dict)

    def of(self, service_id: str) -> Publisher | None:
        """The publisher that a service is, or None."""
        known = self._known.get(service_id)
        return known[0] if known and self.clock() < known[1] else self._read(service_id)

    def satisfies(self, service_id: str, test: Callable[[Publisher], bool]) -> bool:
        """Whether a service is a publisher of some kind.

        Before that is denied the publisher is read again, so that a registration counts from the
        moment it was answered.
        """
        known = self._known.get(service_id)
        if known and known[0] and self.clock() < known[1] and test(known[0]):
            return True
        publisher = self._read(service_id)
        return publisher is not None and test(publisher)

    def _read(self, service_id: str) -> Publisher | None:
        publisher = self.find(service_id)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[service_id] = publisher, self.clock() + CACHE_SECONDS
        return publisher
