"""Refusing names of services for which nothing is registered."""

from collections.abc import Iterator
from dataclasses import dataclass

from event_bus.errors import Fault, pointer
from event_bus.model.publisher import Publisher
from event_bus.registry.services import Services
from event_bus.requests.validation import invalid
from event_bus.stores.rights import RightsStore

_UNKNOWN = (
    "is not a known service: name one that is a publisher, has a subscription, or was given types; "
    "an admin may give types by PUT /subscribers/{id} before the service registers"
)


@dataclass(frozen=True, slots=True)
class NamedServices:
    """Refuses names of unknown services.

    Attributes:
        services: The services for which something is registered.
        rights: The types given to services, including services that register later.
    """

    services: Services
    rights: RightsStore

    def check(self, publisher: Publisher, before: Publisher | None = None) -> None:
        """Refuses a publisher that names unknown services.

        Args:
            publisher: The publisher as it will be.
            before: The publisher as it is. Its names are permitted, because a service may have gone
                since.

        Raises:
            InvalidRequest: There are such names; each fault points at one.
        """
        named = dict(_names(publisher))
        kept = {publisher.service_id, *(dict(_names(before)).values() if before else ())}
        unknown = {each for each in {*named.values()} - kept if not self._known(each)}
        if faults := [Fault(at, _UNKNOWN) for at, each in named.items() if each in unknown]:
            raise invalid(faults)

    def _known(self, service_id: str) -> bool:
        return self.services.known(service_id) or self.rights.grant(service_id) is not None


def _names(publisher: Publisher) -> Iterator[tuple[str, str]]:
    """Yields the JSON pointer of each name, and the name."""
    for place, service_id in enumerate(publisher.sensitive_readers):
        yield pointer(["sensitive_readers", place]), service_id
    for pattern, readers in publisher.restricted.items():
        for place, service_id in enumerate(readers):
            yield pointer(["restricted", pattern, place]), service_id
