"""The intake of a function, over the tables and the bucket that it was given."""

import concurrent.futures
from collections.abc import Callable

from event_bus import clients
from event_bus.model.event import Event
from event_bus.publishing.intake import Intake
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.security.callers import Caller
from event_bus.security.deployed import deployed_seal, known_publishers, rights_reader
from event_bus.security.visibility import VisibleEvents
from event_bus.settings import settings
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.streams import StreamStore
from event_bus.stores.subscriptions import SubscriptionStore


def deployed_intake(workers: int) -> Intake:
    """Makes the intake of requests.

    Args:
        workers: How many events of a batch are stored side by side.
    """
    visible = VisibleEvents(
        DeliveryStore(clients.dynamodb(), settings().deliveries_table),
        SubscriptionStore(clients.dynamodb(), settings().subscriptions_table).of_service,
        rights_reader(),
    )
    return _intake(workers, visible.sees)


def reply_intake() -> Intake:
    """Makes the intake of replies, each of which names the event in hand as its cause."""
    return _intake(1, lambda _event, _caller: True)


def _intake(workers: int, sees: Callable[[Event, Caller], bool]) -> Intake:
    dynamodb = clients.dynamodb()
    return Intake(
        store=EventStore(
            dynamodb,
            settings().events_table,
            PayloadStore(clients.s3(), settings().payloads_bucket),
            StreamStore(dynamodb, settings().streams_table),
        ),
        rights=PublisherRights(known_publishers()),
        seal=deployed_seal(),
        retention_days=settings().retention_days,
        executor=concurrent.futures.ThreadPoolExecutor(workers),
        sees=sees,
    )
