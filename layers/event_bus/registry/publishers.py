"""Registering publishers."""

from dataclasses import dataclass, replace

from event_bus import times
from event_bus.errors import Conflict, Fault, Forbidden, InvalidRequest
from event_bus.model.registration import (
    Publisher,
    PublisherChange,
    PublisherRegistration,
    check_sensitive,
)
from event_bus.model.validation import members_of
from event_bus.registry.keys import issue, taken
from event_bus.registry.known_publishers import RESERVED_NAMES
from event_bus.security.callers import Caller
from event_bus.security.ownership import own_publisher
from event_bus.stores.keys import KeyStore
from event_bus.stores.publishers import PublisherStore
from event_bus.stores.subscriptions import SubscriptionStore
from event_bus.stores.transactions import TransactionRefused, transact, transact_alone

_ATTEMPTS = 5


def refuse_reserved(service_id: str) -> None:
    """Refuses the names that the bus keeps for itself.

    Raises:
        InvalidRequest: The service's name is one of them.
    """
    if service_id in RESERVED_NAMES:
        raise InvalidRequest.at("/service_id", f"{service_id} is kept for the bus itself")


@dataclass(frozen=True, slots=True)
class PublisherRegistry:
    """Registers, shows and removes publishers.

    Attributes:
        publishers: The publishers.
        keys: The API keys.
        subscriptions: The subscriptions, for which a service keeps its keys.
    """

    publishers: PublisherStore
    keys: KeyStore
    subscriptions: SubscriptionStore

    def register(
        self, registration: PublisherRegistration, caller: Caller
    ) -> tuple[Publisher, str | None]:
        """Registers a publisher.

        Returns:
            The publisher, and its API key where one was generated: it is not shown again.

        Raises:
            InvalidRequest: The service's name is kept for the bus, or a sensitive type is none of
                its own.
            Conflict: The service is a publisher already, or the key stands for another service.
        """
        refuse_reserved(registration.service_id)
        check_sensitive(registration.event_types, registration.sensitive)
        now = times.now()
        publisher = Publisher(
            service_id=registration.service_id,
            name=registration.name or registration.service_id,
            event_types=registration.event_types,
            created_at=now,
            updated_at=now,
            sensitive=registration.sensitive,
            sensitive_readers=registration.sensitive_readers,
        )
        issued = issue(registration.authentication, publisher.service_id, caller)
        parts = [self.publishers.adding(publisher), self.keys.putting(issued.kept)]
        try:
            transact(self.publishers.client, parts)
        except TransactionRefused as refusal:
            if 1 in refusal.conditions:
                raise taken(registration.authentication) from None
            detail = f"{publisher.service_id} is registered as a publisher already"
            raise Conflict(f"{detail}.", [Fault("/service_id", detail)]) from None
        return publisher, issued.text

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
            InvalidRequest: A member is null, or a sensitive type is none of its own.
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
            check_sensitive(after.event_types, after.sensitive)
            if self.publishers.replace(before, after):
                return after
        raise _busy()

    def remove(self, service_id: str, caller: Caller) -> None:
        """Removes a publisher, and its service's keys unless subscriptions still need them.

        Raises:
            NotFound: There is none, or none that the caller may see; of several who remove it at
                once, one finds it.
            Conflict: Its keys are being changed by others.
        """
        keep_keys = False
        for _ in range(_ATTEMPTS):
            self.get(service_id, caller)
            parts = [self.publishers.removing(service_id)]
            if not keep_keys:
                # One transaction: nobody subscribes by a key that goes with it. Stream tokens end
                # with the keys that they were asked for by.
                keys = [each for each in self.keys.of_service(service_id) if not each.token]
                parts.append(self.subscriptions.unsubscribed(service_id))
                parts += [self.keys.removing_unless_rotated(each) for each in keys]
            try:
                transact_alone(self.publishers.client, parts)
            except TransactionRefused as refusal:
                keep_keys = 1 in refusal.conditions
            else:
                return
        raise _busy()


def _busy() -> Conflict:
    return Conflict("The publisher is being changed by others; send the request again.")
