"""The types that admins allow services to receive: set, shown and removed."""

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.access.ownership import may_see_service, refuse_reserved
from event_bus.conflicts import attempts
from event_bus.errors import Conflict, NotFound
from event_bus.model.rights import Grant
from event_bus.stores.refusals import Outdated
from event_bus.stores.rights import RightsStore

if TYPE_CHECKING:
    from event_bus.requests.subscriber import SubscriberRequest


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
            Conflict: Others changed the right in every attempt.
        """
        refuse_reserved(service_id)
        for _ in attempts():
            before, now = self.store.grant(service_id), times.now()
            created_at = before.created_at if before else now
            grant = Grant(service_id, request.event_types, created_at, now)
            with suppress(Outdated):
                self.store.put(grant, before)
                return grant, before is None
        raise Conflict.overtaken(f"the right of the service {service_id}")

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
    return NotFound.of(f"right of the service {service_id}")
