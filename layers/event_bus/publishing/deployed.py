"""The intake of a function, over the tables and the bucket that it was given."""

import concurrent.futures

from event_bus import clients
from event_bus.publishing.intake import Intake
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.security.deployed import deployed_seal, known_publishers
from event_bus.settings import settings
from event_bus.stores.events import EventStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.streams import StreamStore


def deployed_intake(workers: int) -> Intake:
    """Makes the intake.

    Args:
        workers: How many events of a batch are stored side by side.
    """
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
    )
