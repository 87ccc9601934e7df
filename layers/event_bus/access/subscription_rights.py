"""Decides whether a service may subscribe to event types."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from event_bus.access.callers import ADMIN
from event_bus.access.receive_rights import RightsReader
from event_bus.errors import Fault, Forbidden
from event_bus.matching.event_types import intersection
from event_bus.model.publisher import Publisher


@dataclass(frozen=True, slots=True)
class SubscriptionRights:
    """Refuses subscriptions to types that a service may not receive.

    Attributes:
        rights: Reads what a service may receive.
        publisher: Finds the publisher of a service, which may receive its own types.
    """

    rights: RightsReader
    publisher: Callable[[str], Publisher | None]

    def check(self, service_id: str, event_types: Sequence[str], at: str = "/event_types") -> None:
        """Refuses each type pattern of which a service may receive no type.

        Args:
            service_id: The service.
            event_types: The type patterns.
            at: The JSON pointer of the patterns in the request.

        Raises:
            Forbidden: At least one pattern is refused; the faults name them all.
        """
        if service_id == ADMIN or not event_types:
            return
        rights = self.rights.of(service_id, ())
        refused = [
            place
            for place, pattern in enumerate(event_types)
            if not rights.may_match(service_id, pattern)
        ]
        if refused and (publisher := self.publisher(service_id)):
            refused = [
                place
                for place in refused
                if not any(intersection(event_types[place], own) for own in publisher.event_types)
            ]
        if refused:
            detail = f"{service_id} may not receive such events; an admin can permit the types"
            faults = [Fault(f"{at}/{place}", detail) for place in refused]
            raise Forbidden(
                f"{service_id} may not receive {event_types[refused[0]]}.",
                faults,
                reason="receive_type",
            )
