"""Services as the bus knows them: by what is registered for them."""

from dataclasses import dataclass

from event_bus.errors import NotFound
from event_bus.security.callers import Caller
from event_bus.security.ownership import may_see_service, own_publisher
from event_bus.stores.publishers import PublisherStore
from event_bus.stores.subscriptions import SubscriptionStore


@dataclass(frozen=True, slots=True)
class Services:
    """Finds services: any for an admin, itself for a service.

    Attributes:
        publishers: The publishers.
        subscriptions: The subscriptions, whose services are the subscribers.
    """

    publishers: PublisherStore
    subscriptions: SubscriptionStore

    def publisher(self, service_id: str, caller: Caller) -> str:
        """A service that is registered as a publisher.

        Raises:
            NotFound: There is none, or none that the caller may see.
        """
        return own_publisher(self.publishers.get, service_id, caller).service_id

    def subscriber(self, service_id: str, caller: Caller) -> str:
        """A service that has subscriptions.

        Raises:
            NotFound: There is none, or none that the caller may see.
        """
        if may_see_service(service_id, caller) and self.subscriptions.page(service_id, None, 1):
            return service_id
        raise NotFound(f"There is no subscriber {service_id}, or none that this key may see.")
