"""Changes of registrations that touch several tables. Each is one transaction."""

from dataclasses import dataclass

from event_bus.model.event import Event
from event_bus.model.pace import Pace
from event_bus.model.publisher import Publisher
from event_bus.model.replay import Replay
from event_bus.model.rights import Restriction
from event_bus.model.subscription import Subscription
from event_bus.stores.events import EventStore
from event_bus.stores.keys import KeptKey, KeyChange, KeyStore
from event_bus.stores.paces import PaceStore
from event_bus.stores.publishers import PublisherStore
from event_bus.stores.replays import ReplayStore
from event_bus.stores.rights import RightsStore
from event_bus.stores.subscriptions import SubscriptionStore
from event_bus.stores.transactions import put_alone, transact


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """A subscription that is added, with what is stored beside it.

    Attributes:
        subscription: The subscription. Its version is assigned when it is stored.
        pace: Its first pace, if its target may be slow.
        history: The replay of past events, if the subscription asks for one.
    """

    subscription: Subscription
    pace: Pace | None = None
    history: Replay | None = None


@dataclass(frozen=True, slots=True)
class Registrations:
    """Adds, replaces and removes registrations together with the keys of their services.

    Attributes:
        publishers: The publishers.
        subscriptions: The subscriptions, with the log of changes.
        keys: The API keys.
        rights: The types that publishers restrict.
        paces: The paces of subscriptions.
        replays: The replays.
        events: The event store, for events that report changes.
        retention_days: How many days events are kept.
    """

    publishers: PublisherStore
    subscriptions: SubscriptionStore
    keys: KeyStore
    rights: RightsStore
    paces: PaceStore
    replays: ReplayStore
    events: EventStore
    retention_days: int

    def add_publisher(self, publisher: Publisher, keys: KeyChange | KeptKey) -> None:
        """Adds a publisher with its restrictions and its key.

        Its restrictions replace those of an earlier publisher of the same service.

        Args:
            publisher: The publisher.
            keys: The change that adds its key, or the key of the service that must still exist.

        Raises:
            IdTaken: The service is a publisher already.
            Outdated: The keys of the service have changed since they were read.
            KeyTaken: The key belongs to another service.
            KeyGone: The key that must exist was removed.
        """
        self.rights.restrict(
            _restriction(publisher),
            [self.publishers.adding_part(publisher), *self.keys.parts(keys)],
        )

    def replace_publisher(self, before: Publisher, after: Publisher) -> None:
        """Replaces a publisher, and its restrictions if they differ.

        Args:
            before: The publisher as it was read.
            after: The publisher as it is to be.

        Raises:
            Outdated: The publisher has changed since it was read, or is gone.
        """
        replacing = self.publishers.replacing_part(before, after)
        if before.restricted == after.restricted:
            put_alone(replacing)
        else:
            self.rights.restrict(_restriction(after), [replacing])

    def remove_publisher(self, service_id: str, keys: KeyChange | None) -> None:
        """Removes a publisher. Its restrictions stay, because its events stay.

        Args:
            service_id: The service.
            keys: The change that removes the keys of the service. None if the service has
                subscriptions, which need the keys.

        Raises:
            Outdated: The publisher is gone, the keys have changed since they were read, or the
                service has got its first subscription, or lost its last one.
        """
        parts = [
            self.publishers.removing_part(service_id),
            self.subscriptions.counts.check_part(service_id, subscribed=keys is None),
            *(self.keys.parts(keys) if keys else []),
        ]
        transact(parts)

    def add_subscription(
        self, new: NewSubscription, keys: KeyChange | KeptKey | None, *, most: int | None
    ) -> Subscription:
        """Adds a subscription with what belongs to it.

        Args:
            new: The subscription.
            keys: The change that adds a key, or the key of the service that must still exist.
            most: The largest number of subscriptions that the service may have.

        Returns:
            The subscription as it is stored.

        Raises:
            IdTaken: There is a subscription with this identifier.
            IdRetired: A removed subscription had the identifier.
            HandlerTaken: Another subscription handles one of its types.
            QuotaReached: The service has `most` subscriptions.
            Outdated: The keys of the service have changed since they were read.
            KeyTaken: The key belongs to another service.
            KeyGone: The key that must exist was removed.
        """
        parts = self.keys.parts(keys) if keys else []
        if new.pace:
            parts.append(self.paces.putting_part(new.subscription.id, new.pace))
        if new.history:
            parts.append(self.replays.adding_part(new.history))
        return self.subscriptions.create(new.subscription, parts, most=most)

    def change_status(
        self, before: Subscription, subscription: Subscription, event: Event, backlog: Replay | None
    ) -> Subscription:
        """Changes the status of a subscription, and stores the event that reports it.

        Args:
            before: The subscription as it was read.
            subscription: The subscription as it is to be.
            event: The event.
            backlog: The replay of what a pause has kept, if one begins.

        Returns:
            The subscription as it is stored.

        Raises:
            Outdated: The subscription has changed since it was read, or is gone.
            HandlerTaken: Another subscription handles one of its types.
            IdTaken: The event is stored already.
        """
        parts = [self.events.adding_part(event, self.retention_days)]
        if backlog:
            parts.append(self.replays.adding_part(backlog))
        return self.subscriptions.update(subscription, parts, before=before)

    def remove_last_subscription(self, subscription: Subscription, keys: KeyChange | None) -> None:
        """Removes the last subscription of a service.

        Args:
            subscription: The subscription as it was read.
            keys: The change that removes the keys of the service. None if the service is a
                publisher, which needs the keys.

        Raises:
            Outdated: The subscription or the keys have changed since they were read, the service
                has another subscription, or it has become a publisher, or none.
        """
        service_id = subscription.service_id
        parts = [self.publishers.check_part(service_id, registered=keys is None)]
        if keys:
            parts += self.keys.parts(keys)
        self.subscriptions.delete(subscription, parts, last=True)


def _restriction(publisher: Publisher) -> Restriction:
    return Restriction(publisher.service_id, publisher.restricted)
