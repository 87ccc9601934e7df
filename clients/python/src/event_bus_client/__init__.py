"""The Event Bus Service for Python programs: publish, receive, verify.

Example:
    ```python
    from event_bus_client import EventBus

    with EventBus(url="https://...", api_key="ebk_...") as bus:
        bus.publish("order.placed", {"total": 250})
    ```
"""

from event_bus_client._async.client import AsyncEventBus
from event_bus_client._async.inbox import AsyncInbox
from event_bus_client._async.receiver import AsyncReceiver
from event_bus_client._sync.client import EventBus
from event_bus_client._sync.inbox import Inbox
from event_bus_client._sync.receiver import Receiver
from event_bus_client.background import BackgroundPublisher
from event_bus_client.calls import RetryPolicy, path
from event_bus_client.commands import Command, CommandFailed, CommandNotEnded
from event_bus_client.deduplication import MemoryStore, Seen, SeenStore
from event_bus_client.errors import (
    ConfigurationError,
    Conflict,
    ConnectionFailed,
    EventBusError,
    Fault,
    Forbidden,
    InternalError,
    InvalidRequest,
    MalformedRequest,
    NoEvent,
    NotFound,
    PreconditionFailed,
    Problem,
    PublisherClosed,
    QueueFull,
    ServerError,
    SignatureError,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    UnsupportedMediaType,
    VersionConflict,
)
from event_bus_client.event_types import Payload, event_type, parse
from event_bus_client.explanations import Match, Reason, Tested
from event_bus_client.models import (
    Appended,
    ContextEntry,
    Event,
    Key,
    Metadata,
    NewEvent,
    Page,
    Receipt,
    Received,
    Result,
    StoredEvent,
    StreamEvent,
    StreamToken,
)
from event_bus_client.receiving import Answer, Refused, TryLater
from event_bus_client.states import Generation, ModelState, ReadModel, Reducer, StreamState
from event_bus_client.version import VERSION
from event_bus_client.webhooks import Webhook

__version__ = VERSION

__all__ = [
    "Answer",
    "Appended",
    "AsyncEventBus",
    "AsyncInbox",
    "AsyncReceiver",
    "BackgroundPublisher",
    "Command",
    "CommandFailed",
    "CommandNotEnded",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "ContextEntry",
    "Event",
    "EventBus",
    "EventBusError",
    "Fault",
    "Forbidden",
    "Generation",
    "Inbox",
    "InternalError",
    "InvalidRequest",
    "Key",
    "MalformedRequest",
    "Match",
    "MemoryStore",
    "Metadata",
    "ModelState",
    "NewEvent",
    "NoEvent",
    "NotFound",
    "Page",
    "Payload",
    "PreconditionFailed",
    "Problem",
    "PublisherClosed",
    "QueueFull",
    "ReadModel",
    "Reason",
    "Receipt",
    "Received",
    "Receiver",
    "Reducer",
    "Refused",
    "Result",
    "RetryPolicy",
    "Seen",
    "SeenStore",
    "ServerError",
    "SignatureError",
    "StoredEvent",
    "StreamEvent",
    "StreamState",
    "StreamToken",
    "Tested",
    "TooLarge",
    "TooManyRequests",
    "TryLater",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
    "UnsupportedMediaType",
    "VersionConflict",
    "Webhook",
    "__version__",
    "event_type",
    "parse",
    "path",
]
