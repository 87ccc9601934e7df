"""The Lambda lane: invokes functions, and publishes what they reply."""

from concurrent.futures import ThreadPoolExecutor

from event_bus import clients
from event_bus.delivery.handler import lane_handler
from event_bus.delivery.lambda_function import LambdaTransport
from event_bus.delivery.replies import Replies
from event_bus.publishing.intake import Intake
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.settings import settings
from event_bus.stores.events import EventStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.publishers import PublisherStore
from event_bus.stores.streams import StreamStore

_replies = Replies(
    Intake(
        store=EventStore(
            clients.dynamodb(),
            settings().events_table,
            PayloadStore(clients.s3(), settings().payloads_bucket),
            StreamStore(clients.dynamodb(), settings().streams_table),
        ),
        rights=PublisherRights(PublisherStore(clients.dynamodb(), settings().publishers_table).get),
        retention_days=settings().retention_days,
        executor=ThreadPoolExecutor(1),
    )
)

handler = lane_handler(LambdaTransport(_replies.publish))
