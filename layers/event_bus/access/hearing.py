"""The event types that admins allow services to receive."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_bus import times
from event_bus.access.callers import ADMIN, Caller
from event_bus.access.ownership import may_see_service, refuse_reserved
from event_bus.access.receive_rights import RightsReader
from event_bus.errors import Fault, Forbidden, NotFound
from event_bus.matching.event_types import intersection
from event_bus.model.publisher import Publisher
from event_bus.model.rights import Grant
from event_bus.stores.rights import RightsStore

if TYPE_CHECKING:
    from event_bus.requests.subscriber import SubscriberRequest


@dataclass(frozen=True, slots=True)
class Hearing:
    """Refuses subscriptions to types that a service may not receive.

    Attributes:
        rights: Reads what a service may receive.
        publisher: Finds the publisher of a service, which may receive its own types.
    """

    rights: RightsReader
    publisher: Callable[[str], Publisher | None]

    def check(self, service_id: str, event_types: Sequence[str], at: str = "/event_types") -> None:
        """Refuses type patterns if a service may receive none of their types.

        Args:
            service_id: The service.
            event_types: The type patterns.
            at: The JSON pointer of the patterns in the request.

        Raises:
            Forbidden: There is such a pattern.
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


@dataclass(frozen=True, slots=True)
class Subscribers:
    """Sets, shows and removes the types that services may receive.

    Attributes:
        store: The rights.
    """

    store: RightsStore

    def put(self, service_id: str, request: "SubscriberRequest") -> tuple[Grant, bool]:
        """Sets the types that a service may receive.

        Returns:
            The right, and whether it is the service's first.

        Raises:
            InvalidRequest: The service's name is reserved for the bus.
        """
        refuse_reserved(service_id)
        before, now = self.store.grant(service_id), times.now()
        created_at = before.created_at if before else now
        grant = Grant(service_id, request.event_types, created_at, now)
        self.store.put(grant)
        return grant, before is None

    def get(self, service_id: str, caller: Caller) -> Grant:
        """Shows the right of a service: of any to an admin, of itself to a service.

        Raises:
            NotFound: No types are given to it, or the caller may not see it.
        """
        if may_see_service(service_id, caller) and (grant := self.store.grant(service_id)):
            return grant
        raise _not_found(service_id)

    def page(self, after: str | None, limit: int, caller: Caller) -> list[Grant]:
        """Lists the rights of services by name: all to an admin, its own to a service."""
        if caller.admin:
            return self.store.page(after, limit)
        own = self.store.grant(caller.service_id)
        return [own] if own and not after else []

    def remove(self, service_id: str) -> None:
        """Removes the right of a service, so that the default applies.

        Raises:
            NotFound: No types are given to it.
        """
        if not self.store.remove(Grant(service_id, None)):
            raise _not_found(service_id)


def _not_found(service_id: str) -> NotFound:
    return NotFound(
        f"There are no rights of the service {service_id}, or none that this key may see."
    )
