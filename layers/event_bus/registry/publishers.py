"""Registering publishers."""

from dataclasses import dataclass, replace

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.access.ownership import own_publisher, refuse_reserved
from event_bus.errors import Conflict, Fault, Forbidden
from event_bus.model.readers import check_own_types
from event_bus.model.registration import Publisher, PublisherChange, PublisherRegistration
from event_bus.model.rights import Restriction
from event_bus.model.validation import members_of
from event_bus.registry.keys import adding, busy, issue, taken
from event_bus.registry.named_services import NamedServices
from event_bus.registry.services import Services
from event_bus.stores.changes import Refused
from event_bus.stores.keys import KeyStore
from event_bus.stores.publishers import PublisherStore
from event_bus.stores.rights import RightsStore
from event_bus.stores.subscriptions import SubscriptionStore
from event_bus.stores.transactions import TransactionRefused, transact_alone

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class PublisherRegistry:
    """Registers, shows and removes publishers.

    Attributes:
        publishers: The publishers.
        keys: The API keys.
        subscriptions: The subscriptions, for which a service keeps its keys.
        rights: What services may receive, which publishers restrict.
    """

    publishers: PublisherStore
    keys: KeyStore
    subscriptions: SubscriptionStore
    rights: RightsStore

    def register(
        self, registration: PublisherRegistration, caller: Caller
    ) -> tuple[Publisher, str | None]:
        """Registers a publisher.

        Returns:
            The publisher, and its API key where one was generated: it is not shown again.

        Raises:
            InvalidRequest: The service's name is kept for the bus, a sensitive or restricted type
                is none of its own, or it names a service that is not known.
            Conflict: The service is a publisher already, or the key stands for another service; or
                it is a further key of a service that has as many as it may have.
        """
        refuse_reserved(registration.service_id)
        now = times.now()
        publisher = Publisher(
            service_id=registration.service_id,
            name=registration.name or registration.service_id,
            event_types=registration.event_types,
            created_at=now,
            updated_at=now,
            sensitive=registration.sensitive,
            sensitive_readers=registration.sensitive_readers,
            restricted=registration.restricted,
        )
        self._check(publisher)
        for _ in range(_ATTEMPTS):
            ring, stale = self._services.ring(publisher.service_id)
            issued = issue(registration.authentication, ring, caller)
            # An existing key of the service keeps its scopes, end and rate.
            kept = ring.find(issued.kept.id)
            parts = [self.keys.keeping(kept.id)] if kept else []
            parts = parts or adding(self.keys, ring, issued.kept, stale)
            try:
                # In place of what an earlier publisher of this name restricted.
                self.rights.restrict(
                    _restriction(publisher), [self.publishers.adding(publisher), *parts]
                )
            except Refused as refusal:
                if 0 in refusal.parts:
                    detail = f"{publisher.service_id} is registered as a publisher already"
                    raise Conflict(f"{detail}.", [Fault("/service_id", detail)]) from None
                if 1 not in refusal.parts:
                    raise taken(registration.authentication) from None
            else:
                return publisher, issued.text
        raise busy()

    def get(self, service_id: str, caller: Caller) -> Publisher:
        """One publisher: any for an admin, itself for a service.

        Raises:
            NotFound: There is none, or none that the caller may see.
        """
        return own_publisher(self.publishers.get, service_id, caller)

    def page(self, after: str | None, limit: int, caller: Caller) -> list[Publisher]:
        """Publishers in the order of their services: all for an admin, itself for a service."""
        if caller.admin:
            return self.publishers.page(after, limit)
        own = self.publishers.get(caller.service_id)
        return [own] if own and not after else []

    def change(self, service_id: str, change: PublisherChange, caller: Caller) -> Publisher:
        """Changes what a change names, and leaves the rest.

        Raises:
            NotFound: There is no such publisher, or none that the caller may see.
            Forbidden: Only an admin may change what it publishes.
            InvalidRequest: A member is null, a sensitive or restricted type is none of its own, or
                it newly names a service that is not known.
            Conflict: It is being changed by others.
        """
        members = members_of(change)
        for _ in range(_ATTEMPTS):
            before = self.get(service_id, caller)
            if change.event_types is not None and not caller.admin:
                detail = "may be changed by an admin alone"
                raise Forbidden(
                    f"/event_types {detail}.", [Fault("/event_types", detail)], reason="admin"
                )
            after = replace(before, **members, updated_at=times.now())
            self._check(after, before)
            if self._replace(before, after):
                return after
        raise _busy()

    def remove(self, service_id: str, caller: Caller) -> None:
        """Removes a publisher, and its service's keys unless subscriptions still need them.

        What it restricted stays restricted, because its events stay.

        Raises:
            NotFound: There is none, or none that the caller may see; of several who remove it at
                once, one finds it.
            Conflict: Its keys are being changed by others.
        """
        for _ in range(_ATTEMPTS):
            self.get(service_id, caller)
            subscribed = self.subscriptions.counts.stored(service_id).subscriptions > 0
            # One transaction: nobody subscribes by a key that goes with it. Stream tokens end with
            # the keys that they were asked for by.
            parts = [
                self.publishers.removing(service_id),
                self.subscriptions.counts.check(service_id, subscribed=subscribed),
                *([] if subscribed else self._services.ending(service_id)),
            ]
            try:
                return transact_alone(self.publishers.client, parts)
            except TransactionRefused:
                continue
        raise _busy()

    def _replace(self, before: Publisher, after: Publisher) -> bool:
        if before.restricted == after.restricted:
            return self.publishers.replace(before, after)
        try:
            self.rights.restrict(_restriction(after), [self.publishers.replacing(before, after)])
        except Refused:
            return False
        return True

    def _check(self, publisher: Publisher, before: Publisher | None = None) -> None:
        check_own_types(publisher.event_types, "sensitive", publisher.sensitive)
        check_own_types(publisher.event_types, "restricted", publisher.restricted)
        NamedServices(self._services, self.rights).check(publisher, before)

    @property
    def _services(self) -> Services:
        return Services(self.publishers, self.subscriptions, self.keys)


def _restriction(publisher: Publisher) -> Restriction:
    return Restriction(publisher.service_id, publisher.restricted)


def _busy() -> Conflict:
    return Conflict("The publisher is being changed by others; send the request again.")
