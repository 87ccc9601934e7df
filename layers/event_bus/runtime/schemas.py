"""The registry of schemas and the catalogue of event types."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from event_bus.access.callers import Caller
from event_bus.access.type_visibility import TypeVisibility
from event_bus.model.metrics import Labels
from event_bus.model.subscription import Subscription
from event_bus.registry.event_types import EventTypeCatalogue
from event_bus.runtime import registry_stores, stores
from event_bus.runtime.payloads import rights_reader

if TYPE_CHECKING:
    from event_bus.registry.schemas import SchemaRegistry

_SUBSCRIPTIONS = 5_000


def schema_registry() -> "SchemaRegistry":
    """Makes the `SchemaRegistry`, which registers schemas."""
    # Requests about other things do not load the library that compiles schemas.
    from event_bus.registry.schemas import SchemaRegistry

    return SchemaRegistry(
        registry_stores.schemas(announces=True), registry_stores.publishers().get, _visibility
    )


def catalogue() -> EventTypeCatalogue:
    """Makes the catalogue of event types."""
    return EventTypeCatalogue(registry_stores.schemas(), _visibility, _subscriptions, _published)


def _published() -> Mapping[Labels, int]:
    return stores.metrics().total().counts["published"]


def _visibility(caller: Caller) -> TypeVisibility:
    publishers = [*registry_stores.publishers().all()]
    sources = () if caller.admin else [each.service_id for each in publishers]
    return TypeVisibility(caller, publishers, rights_reader().of(caller.service_id, sources))


def _subscriptions(caller: Caller) -> Iterator[Subscription]:
    found = registry_stores.subscriptions().of_service(None if caller.admin else caller.service_id)
    return islice(found, _SUBSCRIPTIONS)
