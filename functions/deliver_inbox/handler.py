"""The lane of inboxes: keeps events for subscribers that fetch them."""

from event_bus import clients
from event_bus.delivery.handler import lane_handler
from event_bus.delivery.inbox import InboxTransport
from event_bus.settings import settings
from event_bus.stores.inboxes import InboxStore

handler = lane_handler(
    InboxTransport(
        InboxStore(clients.dynamodb(), settings().inbox_table, settings().retention_days)
    )
)
