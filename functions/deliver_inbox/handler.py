"""The lane of inboxes: keeps events for subscribers that fetch them."""

from event_bus.runtime import stores
from event_bus.runtime.lanes import lane_handler
from event_bus.targets.inbox import InboxTransport

handler = lane_handler(InboxTransport(stores.inboxes(writes=True)))
