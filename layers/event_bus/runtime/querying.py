"""Builds the components that read events back."""

from typing import TYPE_CHECKING

from event_bus.runtime import registry_stores, stores
from event_bus.runtime.payloads import deployed_readers, rights_reader, upcaster
from event_bus.runtime.threads import threads

if TYPE_CHECKING:
    from event_bus.querying.event_finder import EventFinder
    from event_bus.querying.explanations import Explainer
    from event_bus.querying.filter_tester import FilterTester
    from event_bus.querying.flows import FlowFinder
    from event_bus.querying.schema_drafts import SchemaDrafts
    from event_bus.querying.stream_finder import StreamFinder
    from event_bus.querying.stream_reader import StreamReader

_WORKERS = 8


def event_finder() -> "EventFinder":
    """Makes the `EventFinder`, which finds the events and deliveries that a caller may see."""
    from event_bus.querying.event_finder import EventFinder

    return EventFinder(
        events=stores.events(),
        routings=stores.routings(),
        deliveries=stores.deliveries(),
        subscriptions=registry_stores.subscriptions().of_service,
        executor=threads(_WORKERS),
        rights=rights_reader(),
    )


def flow_finder(finder: "EventFinder") -> "FlowFinder":
    """Makes the `FlowFinder`, which finds events that belong together."""
    from event_bus.querying.flows import FlowFinder

    return FlowFinder(finder)


def schema_drafts(finder: "EventFinder") -> "SchemaDrafts":
    """Makes the `SchemaDrafts`, which drafts schemas for types that have none."""
    from event_bus.querying.schema_drafts import SchemaDrafts

    schemas = registry_stores.schemas()
    return SchemaDrafts(finder, lambda: schemas.index().types())


def stream_reader(finder: "EventFinder") -> "StreamReader":
    """Makes the `StreamReader`, which reads event streams in their order."""
    from event_bus.querying.stream_reader import StreamReader

    return StreamReader(stores.streams(), finder)


def stream_finder(finder: "EventFinder") -> "StreamFinder":
    """Makes the `StreamFinder`, which finds event streams: heads and lists."""
    from event_bus.querying.stream_finder import StreamFinder

    return StreamFinder(stores.streams(), finder)


def explainer() -> "Explainer":
    """Makes the `Explainer`, which says why an event matches a subscription, or does not."""
    from event_bus.querying.explanations import Explainer

    return Explainer(
        stores.events(), stores.routings(), registry_stores.subscriptions(), rights_reader()
    )


def filter_tester(explainer: "Explainer") -> "FilterTester":
    """Makes the `FilterTester`, which tests filters against events."""
    from event_bus.querying.filter_tester import FilterTester

    return FilterTester(
        explainer,
        registry_stores.subscriptions().get,
        registry_stores.publishers().all,
        deployed_readers(),
        upcaster(),
    )
