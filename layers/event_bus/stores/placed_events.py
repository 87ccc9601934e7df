"""Events at their places in streams, each read in one request with all that is known of it."""

from dataclasses import dataclass

from event_bus.model.delivery import Delivery, DeliveryKey, Routing
from event_bus.model.stream_name import StreamName
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.delivery_items import delivery_of, item_key
from event_bus.stores.routing_items import is_routing, routing_key
from event_bus.stores.routings import RoutingStore
from event_bus.stores.streams import StreamEntry, StreamStore, entries_of, entry_key
from event_bus.stores.table import tables_get


@dataclass(frozen=True, slots=True)
class PlacedEvent:
    """An event of a stream, as a subscription sees it.

    Attributes:
        entry: Its place in the stream.
        routing: Its routing record; None if it was not routed yet.
        delivery: Its delivery to the subscription; None if none is recorded.
    """

    entry: StreamEntry
    routing: Routing | None
    delivery: Delivery | None


@dataclass(frozen=True, slots=True)
class PlacedEvents:
    """Reads events of streams with their routing records and deliveries.

    Attributes:
        streams: The order of the events.
        routings: The routing records.
        deliveries: The deliveries, in the same table.
    """

    streams: StreamStore
    routings: RoutingStore
    deliveries: DeliveryStore

    def at(self, stream: StreamName, version: int, key: DeliveryKey) -> PlacedEvent | None:
        """Returns the event of a delivery, if it has a version of a stream.

        Args:
            stream: The stream.
            version: The version.
            key: The delivery.
        """
        entries, records = tables_get(
            (self.streams.table, [entry_key(stream, version)]),
            (self.deliveries.table, [routing_key(key.event_id), item_key(key)]),
            ConsistentRead=True,
        )
        found = [each for each in entries_of(entries) if each.event_id == key.event_id]
        if not found:
            return None
        routings = self.routings.whole(filter(is_routing, records), consistent=True)
        recorded = [delivery_of(item) for item in records if not is_routing(item)]
        return PlacedEvent(found[0], routings.get(key.event_id), next(iter(recorded), None))
