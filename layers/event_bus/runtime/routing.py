"""The router's view, over the tables that a function was given."""

from event_bus.access.receive_rights import ReceiveRights
from event_bus.routing.registry_view import RegistryView
from event_bus.runtime import stores
from event_bus.settings import settings


def registry_view() -> RegistryView:
    """Makes a view of the registry."""
    return RegistryView(
        stores.subscriptions(),
        stores.rights(),
        stores.changes(),
        ReceiveRights(settings().default_receive),
    )
