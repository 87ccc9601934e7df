"""Decides which services may publish which events."""

from dataclasses import dataclass

from event_bus.access.callers import Caller, other_service
from event_bus.access.known_publishers import RESERVED_NAMES, KnownPublishers
from event_bus.access.type_owners import denial
from event_bus.errors import Fault, Forbidden
from event_bus.model.stream_name import StreamName


@dataclass(frozen=True, slots=True)
class PublisherRights:
    """Decides whether a caller may publish an event.

    Attributes:
        publishers: The publishers.
    """

    publishers: KnownPublishers

    def source_of(self, caller: Caller, named: str | None, at: str) -> str:
        """Returns the service in whose name an event is published.

        Args:
            caller: Who publishes.
            named: The source that the event names, if it does.
            at: The JSON pointer of the event in the request's body.

        Raises:
            Forbidden: A service names another one.
        """
        if named is None or named == caller.service_id or caller.admin:
            return named or caller.service_id
        raise other_service(f"{at}/source", caller)

    def check(self, caller: Caller, event_type: str, at: str) -> None:
        """Refuses a type that the caller may not publish.

        Args:
            caller: Who publishes.
            event_type: The type.
            at: The JSON pointer of the event in the request's body.

        Raises:
            Forbidden: The type is not among those that its service registered for, or it is
                reserved for the bus itself.
        """
        detail = denial(
            caller,
            event_type,
            lambda: self.publishers.satisfies(
                caller.service_id, lambda publisher: publisher.publishes(event_type)
            ),
        )
        if detail:
            pointer = f"{at}/type"
            raise Forbidden(f"{pointer}: {detail}.", [Fault(pointer, detail)], reason="event_type")

    def check_stream(self, caller: Caller, stream: StreamName | None, at: str) -> None:
        """Refuses a stream of a category to which the caller may not append.

        Args:
            caller: Who publishes.
            stream: The stream of the event, if it belongs to one.
            at: The JSON pointer of the member that names the stream.

        Raises:
            Forbidden: The registration of the service lists categories, and not this one.
        """
        if stream is None or caller.admin:
            return
        category = stream.category
        if self.publishers.satisfies(
            caller.service_id, lambda publisher: publisher.appends_to(category)
        ):
            return
        detail = f"{caller.service_id} is not registered to append to streams of {category}"
        raise Forbidden(f"{at}: {detail}.", [Fault(at, detail)], reason="stream_category")

    def check_id(self, source: str, event_id: str | None, at: str) -> None:
        """Refuses an id that belongs to another service.

        An id that begins with a service's name and a colon belongs to that service.

        Args:
            source: The service in whose name the event is published.
            event_id: The id that the event names, if it does.
            at: The JSON pointer of the event in the request's body.

        Raises:
            Forbidden: It is the id of another service, whether such an event exists or not.
        """
        owner, colon, _ = (event_id or "").partition(":")
        if not colon or owner == source:
            return
        if owner in RESERVED_NAMES or self.publishers.of(owner):
            detail = f"ids that begin with {owner}: belong to the service {owner}"
            raise Forbidden(
                f"{at}/id: {detail}.", [Fault(f"{at}/id", detail)], reason="other_service"
            )

    def sensitive_in(self, source: str, event_type: str) -> list[str]:
        """Returns the JSON pointers of what a source has marked as sensitive in a type."""
        publisher = self.publishers.of(source)
        return publisher.sensitive_in(event_type) if publisher else []

    def keeps(self, stream: StreamName | None) -> bool:
        """Returns whether the events of a stream never expire."""
        if stream is None:
            return False
        publisher = self.publishers.of(stream.source)
        return publisher is not None and stream.category in publisher.kept_stream_categories
