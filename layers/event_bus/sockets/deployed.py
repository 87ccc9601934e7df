"""What the functions of the WebSocket API are made of, over the tables that they were given."""

import concurrent.futures
from dataclasses import replace

from event_bus import clients
from event_bus.fetching.reader import InboxReader
from event_bus.registry.listeners import Listeners
from event_bus.security.admin_key import current_id
from event_bus.security.deployed import deployed_readers, hearing, rights_reader
from event_bus.security.live_keys import LiveKeys
from event_bus.settings import settings
from event_bus.sockets.connections import Connections
from event_bus.sockets.conversation import Conversation
from event_bus.sockets.pusher import Pusher
from event_bus.stores.events import EventStore
from event_bus.stores.followers import FollowerStore
from event_bus.stores.inbox_cursors import InboxCursorStore
from event_bus.stores.inboxes import InboxStore
from event_bus.stores.keys import KeyStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.subscriptions import SubscriptionStore

_WORKERS = 16


def deployed_pusher() -> Pusher:
    """Makes the pusher."""
    dynamodb = clients.dynamodb()
    inboxes = InboxStore(dynamodb, settings().inbox_table)
    payloads = PayloadStore(clients.s3(), settings().payloads_bucket)
    subscriptions = SubscriptionStore(
        dynamodb, settings().subscriptions_table, settings().changes_table
    )
    return Pusher(
        followers=FollowerStore(dynamodb, settings().followers_table),
        reader=InboxReader(
            inboxes,
            EventStore(dynamodb, settings().events_table, payloads),
            deployed_readers(),
            rights_reader(),
            subscriptions.get,
            concurrent.futures.ThreadPoolExecutor(_WORKERS),
        ),
        connections=Connections(clients.connections(settings().socket_endpoint)),
        listeners=Listeners(subscriptions, inboxes, hearing=hearing()),
        live_keys=LiveKeys(
            KeyStore(dynamodb, settings().keys_table),
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
        followers=pusher.followers,
        inboxes=pusher.reader.inboxes,
        cursors=InboxCursorStore(
            clients.dynamodb(), settings().cursors_table, settings().retention_days
        ),
        pusher=pusher,
        connections=pusher.connections,
    )
