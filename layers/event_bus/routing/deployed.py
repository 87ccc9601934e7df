"""The router's view, over the tables that a function was given."""

from event_bus import clients
from event_bus.routing.registry_view import RegistryView
from event_bus.security.receive_rights import ReceiveRights
from event_bus.settings import settings
from event_bus.stores.changes import ChangeLog
from event_bus.stores.rights import RightsStore
from event_bus.stores.subscriptions import SubscriptionStore


def registry_view() -> RegistryView:
    """Makes a view of the registry."""
    dynamodb = clients.dynamodb()
    return RegistryView(
        SubscriptionStore(dynamodb, settings().subscriptions_table),
        RightsStore(dynamodb, settings().rights_table),
        ChangeLog(dynamodb, settings().changes_table),
        ReceiveRights(settings().default_receive),
    )
