"""The catalogue of event types: what each is, who publishes it, and who receives it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from event_bus.access.callers import Caller
from event_bus.access.type_visibility import TypeVisibility
from event_bus.errors import NotFound
from event_bus.matching.event_types import WILDCARD, matches_any
from event_bus.model.metrics import Labels
from event_bus.model.publisher import Publisher
from event_bus.model.schemas import SchemaVersion, TypeSchemas
from event_bus.model.subscription import Subscription
from event_bus.stores.schemas import SchemaStore

_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class EventType:
    """An event type as one caller may see it.

    Attributes:
        type: The type.
        schemas: Its schemas, if it has any.
        publishers: The publishers of it that the caller may see.
        subscriptions: The active subscriptions to it that the caller may see.
        events: How many events of it these publishers have published, as metrics count them.
    """

    type: str
    schemas: TypeSchemas | None
    publishers: Sequence[Publisher]
    subscriptions: Sequence[Subscription]
    events: int = 0

    @property
    def latest(self) -> int | None:
        """The number of the latest version of its schema, if it has one."""
        return self.schemas.latest if self.schemas else None

    @property
    def owner(self) -> str | None:
        """The service that registered its schema, or the one publisher that names it."""
        if self.schemas:
            return self.schemas.owner
        naming = [each.service_id for each in self.publishers if self.type in each.event_types]
        return naming[0] if len(naming) == 1 else None


@dataclass(frozen=True, slots=True)
class EventTypeCatalogue:
    """Lists event types: those that have a schema, and those that a publisher names exactly.

    Attributes:
        store: The schemas.
        visibility: Says which types a caller may see.
        subscriptions: Finds the subscriptions that a caller may see.
        published: Reads how many events were published, by type and source.
    """

    store: SchemaStore
    visibility: Callable[[Caller], TypeVisibility]
    subscriptions: Callable[[Caller], Iterable[Subscription]]
    published: Callable[[], Mapping[Labels, int]]

    def page(self, after: str | None, limit: int, caller: Caller) -> list[EventType]:
        """Returns up to `limit` types that follow the type `after`, in alphabetical order."""
        found = (each for each in self._all(caller) if after is None or each.type > after)
        return [each for each, _ in zip(found, range(limit), strict=False)]

    def all(self, caller: Caller) -> Iterator[tuple[EventType, SchemaVersion | None]]:
        """Yields all types that the caller may see, each with its latest schema."""
        types = [*self._all(caller)]
        for start in range(0, len(types), _AT_ONCE):
            some = types[start : start + _AT_ONCE]
            latest = {each.type: each.latest for each in some}
            wanted = [(name, number) for name, number in latest.items() if number]
            versions = self.store.versions(wanted)
            for each in some:
                yield each, versions.get((each.type, each.latest or 0))

    def get(self, event_type: str, caller: Caller) -> EventType:
        """Returns one type.

        Raises:
            NotFound: It is neither named by a publisher nor has a schema, or the caller may not see
                it.
        """
        schemas, visibility = self.store.get(event_type), self.visibility(caller)
        named = any(event_type in each.event_types for each in visibility.publishers)
        if (schemas or named) and visibility.sees(event_type):
            [found] = self._described([(event_type, schemas)], visibility, caller)
            return found
        raise NotFound.of(f"event type {event_type}")

    def latest_schema(self, found: EventType) -> SchemaVersion | None:
        """Returns the latest version of a type's schema."""
        return self.store.version(found.type, found.latest) if found.latest else None

    def _all(self, caller: Caller) -> Iterator[EventType]:
        visibility = self.visibility(caller)
        schemas = {each.type: each for each in self.store.all()}
        named = {
            each
            for publisher in visibility.publishers
            for each in publisher.event_types
            if WILDCARD not in each
        }
        seen = [each for each in sorted({*schemas, *named}) if visibility.sees(each)]
        return self._described(((each, schemas.get(each)) for each in seen), visibility, caller)

    def _described(
        self,
        types: Iterable[tuple[str, TypeSchemas | None]],
        visibility: TypeVisibility,
        caller: Caller,
    ) -> Iterator[EventType]:
        active = [each for each in self.subscriptions(caller) if each.status == "active"]
        published = self.published()
        for event_type, schemas in types:
            receiving = [each for each in active if matches_any(each.event_types, event_type)]
            sources = visibility.sources(event_type)
            events = sum(published.get((event_type, each.service_id), 0) for each in sources)
            yield EventType(event_type, schemas, sources, receiving, events)
