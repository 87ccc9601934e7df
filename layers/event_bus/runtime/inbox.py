"""Builds the components of inboxes: pull, Server-Sent Events and WebSocket."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from event_bus import clients
from event_bus.runtime import access, registry_stores, stores
from event_bus.runtime.payloads import (
    deployed_readers,
    rights_reader,
    subscription_rights,
    upcaster,
)
from event_bus.runtime.threads import threads
from event_bus.settings import settings

if TYPE_CHECKING:
    from event_bus.access.stream_tokens import StreamTokens
    from event_bus.inbox.conversation import Conversation
    from event_bus.inbox.leases import InboxLeases
    from event_bus.inbox.listeners import Listeners
    from event_bus.inbox.pusher import Pusher
    from event_bus.inbox.reader import InboxReader
    from event_bus.inbox.sse import ServerSentEvents
    from event_bus.inbox.waiting import WaitingRoom
    from event_bus.stores.inboxes import InboxStore
    from event_bus.stores.subscriptions import SubscriptionStore

_HTTP_WORKERS, _SOCKET_WORKERS = 8, 16


@dataclass(frozen=True, slots=True)
class InboxComponents:
    """The components of inboxes over HTTP, which share their stores.

    Attributes:
        subscriptions: The subscriptions.
        inboxes: Their inboxes.
        reader: Reads inboxes.
        leases: Leases events, and takes acknowledgements.
        sse: Sends events as Server-Sent Events.
        waiting: Limits the requests that wait.
        tokens: Makes stream tokens.
    """

    subscriptions: "SubscriptionStore"
    inboxes: "InboxStore"
    reader: "InboxReader"
    leases: "InboxLeases"
    sse: "ServerSentEvents"
    waiting: "WaitingRoom"
    tokens: "StreamTokens"


def inbox_components() -> InboxComponents:
    """Makes the components of inboxes over HTTP."""
    from event_bus.access.stream_tokens import StreamTokens
    from event_bus.inbox.leases import InboxLeases
    from event_bus.inbox.listeners import Listeners
    from event_bus.inbox.sse import ServerSentEvents

    subscriptions, inboxes = registry_stores.subscriptions(changes=True), stores.inboxes()
    reader = _reader(subscriptions, inboxes, _HTTP_WORKERS)
    listeners = Listeners(
        subscriptions, inboxes, settings().service_listeners, subscription_rights()
    )
    return InboxComponents(
        subscriptions=subscriptions,
        inboxes=inboxes,
        reader=reader,
        leases=InboxLeases(reader, stores.inbox_cursors()),
        sse=ServerSentEvents(inboxes, reader, listeners),
        waiting=access.waiting_room(),
        tokens=StreamTokens(registry_stores.keys()),
    )


def pusher() -> "Pusher":
    """Makes the `Pusher`, which pushes new events of inboxes to the clients that are connected."""
    from event_bus.inbox.connections import Connections
    from event_bus.inbox.listeners import Listeners
    from event_bus.inbox.pusher import Pusher

    subscriptions, inboxes = registry_stores.subscriptions(changes=True), stores.inboxes()
    return Pusher(
        socket_subscribers=stores.socket_subscribers(),
        reader=_reader(subscriptions, inboxes, _SOCKET_WORKERS),
        connections=Connections(clients.connections(settings().socket_endpoint)),
        listeners=Listeners(subscriptions, inboxes, rights=subscription_rights()),
        live_keys=access.live_keys(),
        executor=threads(_SOCKET_WORKERS),
    )


def conversation() -> "Conversation":
    """Makes the `Conversation`, which answers clients that are connected by a WebSocket."""
    from event_bus.inbox.conversation import Conversation

    push = pusher()
    return Conversation(
        find=push.listeners.subscriptions.get,
        listeners=replace(push.listeners, most=settings().service_listeners),
        socket_subscribers=push.socket_subscribers,
        inboxes=push.reader.inboxes,
        cursors=stores.inbox_cursors(),
        pusher=push,
        connections=push.connections,
        limiter=access.rate_limiter(),
    )


def ended_listeners() -> "Listeners":
    """Makes the `Listeners`, which removes the subscriptions of listeners that stayed away."""
    from event_bus.inbox.listeners import Listeners

    return Listeners(registry_stores.subscriptions(changes=True), stores.inboxes())


def _reader(
    subscriptions: "SubscriptionStore", inboxes: "InboxStore", workers: int
) -> "InboxReader":
    from event_bus.inbox.reader import InboxReader

    return InboxReader(
        inboxes,
        stores.events(),
        deployed_readers(),
        upcaster(),
        rights_reader(),
        subscriptions.get,
        threads(workers),
        stores.commands(),
    )
