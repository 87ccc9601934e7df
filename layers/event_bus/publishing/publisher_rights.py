"""Who may publish what."""

from collections.abc import Callable
from dataclasses import dataclass, field

from event_bus import times
from event_bus.errors import Fault, Forbidden
from event_bus.matching.event_types import matches_type
from event_bus.model.event import BUS_DOMAIN
from event_bus.model.registration import Publisher
from event_bus.security.callers import Caller

CACHE_SECONDS = 10.0
"""How long a permission is trusted without another look, and so how late a removal acts."""


@dataclass(slots=True)
class PublisherRights:
    """Decides whether a caller may publish an event.

    What is permitted is remembered for `CACHE_SECONDS`; before anything is refused, the publisher
    is read again, so that a registration counts from the moment it was answered.

    Attributes:
        find: Finds the publisher that a service is.
        clock: Seconds that only grow.
    """

    find: Callable[[str], Publisher | None]
    clock: Callable[[], float] = times.steady
    _known: dict[str, tuple[Publisher, float]] = field(default_factory=dict)

    def source_of(self, caller: Caller, named: str | None, at: str) -> str:
        """The service that an event is published as.

        Args:
            caller: Who publishes.
            named: The source that the event names, if it does.
            at: The JSON pointer of the event in the request's body.

        Raises:
            Forbidden: A service names another one.
        """
        if named is None or named == caller.service_id or caller.admin:
            return named or caller.service_id
        detail = f"must be {caller.service_id}, whose key was sent, or left out"
        raise Forbidden(f"{at}/source {detail}.", [Fault(f"{at}/source", detail)])

    def check(self, caller: Caller, event_type: str, at: str) -> None:
        """Refuses a type that the caller may not publish.

        Raises:
            Forbidden: The type is not among those that its service registered for, or it is kept
                for the bus itself.
        """
        if event_type.partition(".")[0] == BUS_DOMAIN:
            detail = f"types that begin with {BUS_DOMAIN}. are the bus's own"
            raise Forbidden(f"{at}/type: {detail}.", [Fault(f"{at}/type", detail)])
        if caller.admin or self._permitted(caller.service_id, event_type):
            return
        detail = f"{caller.service_id} is not registered to publish {event_type}"
        raise Forbidden(f"{at}/type: {detail}.", [Fault(f"{at}/type", detail)])

    def _permitted(self, service_id: str, event_type: str) -> bool:
        now = self.clock()
        known = self._known.get(service_id)
        if known and now < known[1] and _covers(known[0], event_type):
            return True
        publisher = self.find(service_id)
        if publisher is None:
            self._known.pop(service_id, None)
            return False
        self._known[service_id] = (publisher, now + CACHE_SECONDS)
        return _covers(publisher, event_type)


def _covers(publisher: Publisher, event_type: str) -> bool:
    return any(matches_type(pattern, event_type) for pattern in publisher.event_types)
