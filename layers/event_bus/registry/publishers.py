"""Registering publishers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.access.ownership import own_publisher, refuse_reserved
from event_bus.conflicts import attempts
from event_bus.errors import Conflict, Forbidden
from event_bus.model.publisher import Publisher
from event_bus.registry.keys import addition, issue, taken
from event_bus.registry.named_services import NamedServices
from event_bus.registry.services import Services
from event_bus.requests.publisher import PublisherChange, PublisherRegistration
from event_bus.requests.readers import check_own_types
from event_bus.requests.validation import members_of
from event_bus.stores.keys import KeptKey
from event_bus.stores.refusals import IdTaken, KeyTaken, Outdated, Refused
from event_bus.stores.registrations import Registrations


@dataclass(frozen=True, slots=True)
class PublisherRegistry:
    """Registers, shows and removes publishers.

    Attributes:
        registrations: The registrations of services, and their keys.
    """

    registrations: Registrations

    def register(
        self, registration: PublisherRegistration, caller: Caller
    ) -> tuple[Publisher, str | None]:
        """Registers a publisher.

        Returns:
            The publisher, and its API key if one was generated. The key is shown only once.

        Raises:
            InvalidRequest: The service's name is reserved, the publisher does not publish a
                sensitive or restricted type, or it names an unknown service.
            Conflict: The service is a publisher already, the key belongs to another service, or the
                service has as many keys as it may have.
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
            stream_categories=registration.stream_categories,
            kept_stream_categories=registration.kept_stream_categories,
        )
        self._check(publisher)
        for _ in attempts():
            ring, stale = self._services.ring(publisher.service_id)
            issued = issue(registration.authentication, ring, caller)
            # An existing key of the service keeps its scopes, its end and its rate.
            kept = ring.find(issued.kept.id)
            keys = KeptKey(kept.id) if kept else addition(ring, issued.kept, stale)
            try:
                self.registrations.add_publisher(publisher, keys)
            except IdTaken:
                detail = f"{publisher.service_id} is registered as a publisher already"
                raise Conflict.at("/service_id", detail) from None
            except KeyTaken:
                raise taken(registration.authentication) from None
            except Refused:
                continue
            return publisher, issued.text
        raise Conflict.overtaken("the keys of the service")

    def get(self, service_id: str, caller: Caller) -> Publisher:
        """Returns a publisher.

        Raises:
            NotFound: There is none with this id that the caller may see.
        """
        return own_publisher(self.registrations.publishers.get, service_id, caller)

    def page(self, after: str | None, limit: int, caller: Caller) -> list[Publisher]:
        """Returns publishers in the order of their ids: all for an admin, itself for a service."""
        publishers = self.registrations.publishers
        if caller.admin:
            return publishers.page(after, limit)
        own = publishers.get(caller.service_id)
        return [own] if own and not after else []

    def change(self, service_id: str, change: PublisherChange, caller: Caller) -> Publisher:
        """Changes the members that a request names.

        Raises:
            NotFound: There is no publisher with this id that the caller may see.
            Forbidden: A service would change what an admin has granted it.
            InvalidRequest: A member is null, the publisher does not publish a sensitive or
                restricted type, or the request names an unknown service.
            Conflict: Other requests changed the publisher in every attempt.
        """
        members = members_of(change)
        for _ in attempts():
            before = self.get(service_id, caller)
            if not caller.admin:
                _refuse_granted(members)
            after = replace(before, **members, updated_at=times.now())
            self._check(after, before)
            try:
                self.registrations.replace_publisher(before, after)
            except Outdated:
                continue
            return after
        raise Conflict.overtaken("the publisher")

    def remove(self, service_id: str, caller: Caller) -> None:
        """Removes a publisher, and the keys of its service unless it has subscriptions.

        The types that it restricted stay restricted, because its events stay.

        Raises:
            NotFound: There is no publisher with this id that the caller may see. Of several
                requests at once, one finds it.
            Conflict: Other requests changed the publisher or its keys in every attempt.
        """
        for _ in attempts():
            self.get(service_id, caller)
            counts = self.registrations.subscriptions.counts.stored(service_id)
            # Stream tokens end with the keys that they were made with.
            keys = None if counts.subscriptions else self._services.removal_of_keys(service_id)
            try:
                return self.registrations.remove_publisher(service_id, keys)
            except Outdated:
                continue
        raise Conflict.overtaken("the publisher")

    def _check(self, publisher: Publisher, before: Publisher | None = None) -> None:
        check_own_types(publisher.event_types, "sensitive", publisher.sensitive)
        check_own_types(publisher.event_types, "restricted", publisher.restricted)
        NamedServices(self._services, self.registrations.rights).check(publisher, before)

    @property
    def _services(self) -> Services:
        return Services.of(self.registrations)


def _refuse_granted(members: Mapping[str, object]) -> None:
    """Refuses a service's change of what an admin has granted it."""
    for name in ("event_types", "stream_categories", "kept_stream_categories"):
        if name in members:
            raise Forbidden.at(f"/{name}", "may be changed only by an admin", "admin")
