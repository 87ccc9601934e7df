"""The events that services may receive."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from event_bus import times
from event_bus.access.callers import ADMIN
from event_bus.cache import Cache
from event_bus.matching.event_types import intersection, matches_any, matches_type
from event_bus.model.event import BUS_DOMAIN, Event
from event_bus.model.rights import Default, Grant, Restriction
from event_bus.stores.rights import RightsStore

FRESH_SECONDS = 30
"""The age of an event, in seconds, up to which a lane trusts the router's decision about it.

The rights to an older event are read again before it is delivered.
"""

_REMEMBERED = 100_000


@dataclass(slots=True)
class ReceiveRights:
    """Decides which events a service may receive.

    A service may receive what it published itself. It may receive other events if an admin has
    given it their types, or if no types were given to it and the default permits everything. The
    publisher of a type can restrict it to other services. An admin may receive everything.

    Attributes:
        default: What a service without a right may receive.
    """

    default: Default
    _granted: dict[str, list[str]] = field(default_factory=dict)
    _restricted: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    _decided: dict[tuple[str, str, str], bool] = field(default_factory=dict)

    def take(self, change: Grant | Restriction) -> None:
        """Replaces the right of a service or the restrictions of a source."""
        self._decided.clear()
        if isinstance(change, Restriction):
            self._restricted[change.source] = change.readers
        elif change.event_types is None:
            self._granted.pop(change.service_id, None)
        else:
            self._granted[change.service_id] = change.event_types

    def permits(self, service_id: str, event_type: str, source: str) -> bool:
        """Returns whether a service may receive a type from a source."""
        asked = (service_id, event_type, source)
        decided = self._decided.get(asked)
        if decided is None:
            if len(self._decided) >= _REMEMBERED:
                self._decided.clear()
            decided = self._decided[asked] = self._decide(*asked)
        return decided

    def permits_event(self, service_id: str, event: Event) -> bool:
        """Returns whether a service may receive an event.

        An event of the bus about the subscriptions or keys of a service is for that service alone,
        whatever types others were given.
        """
        if event.audience is not None:
            return service_id in (event.audience, ADMIN)
        return self.permits(service_id, event.type, event.source)

    def granted(self, service_id: str) -> list[str]:
        """Returns the type patterns that a service may receive, restrictions aside."""
        default = ["*"] if self.default == "everything" else []
        return self._granted.get(service_id, default)

    def may_match(self, service_id: str, pattern: str) -> bool:
        """Returns whether a service may receive any type of a pattern, restrictions aside.

        Replies to its commands come to addresses that begin with its name.
        """
        if pattern.partition(".")[0] in (BUS_DOMAIN, service_id):
            return True
        return any(intersection(pattern, each) for each in self.granted(service_id))

    def _decide(self, service_id: str, event_type: str, source: str) -> bool:
        if service_id in (source, ADMIN):
            return True
        if not matches_any(self.granted(service_id), event_type):
            return False
        return all(
            service_id in readers
            for pattern, readers in self._restricted.get(source, {}).items()
            if matches_type(pattern, event_type)
        )


@dataclass(frozen=True, slots=True)
class RightsReader:
    """Reads rights for single decisions, without a cache: a change takes effect at once.

    Attributes:
        store: The rights.
        default: What a service without a right may receive.
    """

    store: RightsStore
    default: Default

    def of(self, service_id: str, sources: Iterable[str]) -> ReceiveRights:
        """Returns the rights of a service to the events of some sources."""
        rights = ReceiveRights(self.default)
        for each in self.store.read(service_id, sources):
            rights.take(each)
        return rights


CACHE_SECONDS = 10.0
"""How long a lane caches the rights to older events, in seconds."""

_CACHED_RIGHTS = 10_000


@dataclass(slots=True)
class HandoverRights:
    """Decides whether an event may still be delivered to a service to which it was routed.

    Attributes:
        reader: Reads rights.
        clock: Monotonic clock, in seconds.
    """

    reader: RightsReader
    clock: Callable[[], float] = times.steady
    _known: Cache[tuple[str, str], ReceiveRights] = field(init=False)

    def __post_init__(self) -> None:
        self._known = Cache(CACHE_SECONDS, _CACHED_RIGHTS, self.clock)

    def permits(self, service_id: str, event: Event) -> bool:
        """Returns whether an event may still be delivered to a service to which it was routed.

        A fresh event may: the router has just checked the rights to it.
        """
        return is_fresh(event) or self.permits_late(service_id, event)

    def permits_late(self, service_id: str, event: Event) -> bool:
        """Returns whether an event may be delivered to a service that it was not routed to.

        The rights are checked even for a fresh event.
        """
        if service_id == event.source:
            return True
        rights = self._known.fetch(
            (service_id, event.source), lambda: self.reader.of(service_id, [event.source])
        )
        return rights.permits_event(service_id, event)


def is_fresh(event: Event) -> bool:
    """Returns whether an event was stored less than `FRESH_SECONDS` ago."""
    return event.created_at > times.at(times.unix() - FRESH_SECONDS)
