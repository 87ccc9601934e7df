"""What the functions of the WebSocket API are made of, over the tables that they were given."""

import concurrent.futures
from dataclasses import replace

from event_bus import clients
from event_bus.access.admin_key import current_id
from event_bus.access.live_keys import LiveKeys
from event_bus.inbox.connections import Connections
from event_bus.inbox.conversation import Conversation
from event_bus.inbox.listeners import Listeners
from event_bus.inbox.pusher import Pusher
from event_bus.inbox.reader import InboxReader
from event_bus.runtime import stores
from event_bus.runtime.payloads import deployed_readers, hearing, rights_reader
from event_bus.settings import settings

_WORKERS = 16


def deployed_pusher() -> Pusher:
    """Makes the pusher."""
    inboxes = stores.inboxes()
    subscriptions = stores.subscriptions(changes=True)
    return Pusher(
        socket_subscribers=stores.socket_subscribers(),
        reader=InboxReader(
            inboxes,
            stores.events(),
            deployed_readers(),
            rights_reader(),
            subscriptions.get,
            concurrent.futures.ThreadPoolExecutor(_WORKERS),
        ),
        connections=Connections(clients.connections(settings().socket_endpoint)),
        listeners=Listeners(subscriptions, inboxes, hearing=hearing()),
        live_keys=LiveKeys(
            stores.keys(),
            lambda: current_id(clients.secrets(), settings().admin_secret),
        ),
        executor=concurrent.futures.ThreadPoolExecutor(_WORKERS),
    )


def deployed_conversation() -> Conversation:
    """Makes the conversation."""
    pusher = deployed_pusher()
    return Conversation(
        find=pusher.listeners.subscriptions.get,
        listeners=replace(pusher.listeners, most=settings().service_listeners),
        socket_subscribers=pusher.socket_subscribers,
        inboxes=pusher.reader.inboxes,
        cursors=stores.inbox_cursors(),
        pusher=pusher,
        connections=pusher.connections,
    )
