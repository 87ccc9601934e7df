"""Services: a service exists as long as something is registered for it.

A service is a publisher, has subscriptions, or both. The removal of its last registration removes
its keys too. A listener keeps no service alive.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_bus.access.callers import Caller
from event_bus.access.ownership import may_see_service, own_publisher
from event_bus.errors import NotFound
from event_bus.model.api_keys import ApiKey
from event_bus.stores.keys import KeyChange, KeyRing, KeyStore
from event_bus.stores.publishers import PublisherStore
from event_bus.stores.subscriptions import SubscriptionStore

if TYPE_CHECKING:
    from event_bus.stores.registrations import Registrations


@dataclass(frozen=True, slots=True)
class Services:
    """Finds services: any for an admin, itself for a service.

    Attributes:
        publishers: The publishers.
        subscriptions: The subscriptions, whose services are the subscribers.
        keys: The keys of the services.
    """

    publishers: PublisherStore
    subscriptions: SubscriptionStore
    keys: KeyStore

    @classmethod
    def of(cls, registrations: "Registrations") -> "Services":
        """Returns the services of the stores that change together."""
        return cls(registrations.publishers, registrations.subscriptions, registrations.keys)

    def publisher(self, service_id: str, caller: Caller) -> str:
        """Returns the id of a service that is a publisher.

        Raises:
            NotFound: There is none with this id that the caller may see.
        """
        return own_publisher(self.publishers.get, service_id, caller).service_id

    def subscriber(self, service_id: str, caller: Caller) -> str:
        """Returns the id of a service that has subscriptions.

        Raises:
            NotFound: There is none with this id that the caller may see.
        """
        if may_see_service(service_id, caller) and self._subscribed(service_id):
            return service_id
        raise NotFound.of(f"subscriber {service_id}")

    def key_owner(self, service_id: str, caller: Caller) -> str:
        """Returns the id of a service that has subscriptions or, for an admin, keys.

        Raises:
            NotFound: There is none with this id that the caller may see.
        """
        if caller.admin and self.keys.ring(service_id).keys:
            return service_id
        return self.subscriber(service_id, caller)

    def known(self, service_id: str) -> bool:
        """Returns whether anything is registered for a service."""
        return self.publishers.get(service_id) is not None or self._subscribed(service_id)

    def ring(self, service_id: str) -> tuple[KeyRing, tuple[ApiKey, ...]]:
        """Returns the valid keys of a service, and leftover keys to remove with the next change.

        Keys of a service for which nothing is registered are left over from a service of the same
        id. A registration does not make them valid again.
        """
        ring = self.keys.ring(service_id)
        if self.known(service_id):
            return ring, ()
        return KeyRing(service_id, (), ring.version), ring.keys

    def removal_of_keys(self, service_id: str) -> KeyChange:
        """Returns the change that removes all keys of a service."""
        ring = self.keys.ring(service_id)
        return KeyChange(ring, removed=ring.keys)

    def _subscribed(self, service_id: str) -> bool:
        return self.subscriptions.counts.of(service_id).subscriptions > 0
