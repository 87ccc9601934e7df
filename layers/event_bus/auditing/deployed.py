"""The recorder of a function, over the queue that it was given."""

from functools import cache

from event_bus import clients
from event_bus.auditing.recorder import Recorder
from event_bus.settings import settings


@cache
def recorder() -> Recorder:
    """What sends the entries of this process."""
    return Recorder(clients.sqs(), settings().audit_queue_url)
