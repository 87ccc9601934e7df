"""The router, and its view of the registry."""

from typing import TYPE_CHECKING

from event_bus.runtime import registry_stores, stores
from event_bus.runtime.queues import lanes, projection_queue
from event_bus.runtime.threads import threads
from event_bus.settings import settings

if TYPE_CHECKING:
    from event_bus.routing.registry_view import RegistryView
    from event_bus.routing.router import Router
    from event_bus.stores.read_models import ReadModelStore

_WORKERS = 16


def registry_view(models: "ReadModelStore | None" = None) -> "RegistryView":
    """Makes the `RegistryView`, which keeps the routing rules of all subscriptions in memory.

    Args:
        models: The read models; None in functions that announce no events to them.
    """
    from event_bus.access.receive_rights import ReceiveRights
    from event_bus.routing.registry_view import RegistryView

    return RegistryView(
        registry_stores.subscriptions(),
        registry_stores.rights(),
        registry_stores.changes(),
        ReceiveRights(settings().default_receive),
        models,
    )


def router() -> "Router":
    """Makes the `Router`, which routes events to the lanes of their subscriptions."""
    from event_bus.routing.router import Router

    return Router(
        view=registry_view(registry_stores.read_models()),
        events=stores.events(),
        routings=stores.routings(writes=True),
        deliveries=stores.deliveries(writes=True),
        dead_letters=stores.dead_letters(),
        lanes=lanes(threads(_WORKERS)),
        executor=threads(_WORKERS),
        projections=projection_queue(),
    )
