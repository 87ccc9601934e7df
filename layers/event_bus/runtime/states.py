"""What folds event streams into states."""

from typing import TYPE_CHECKING

from event_bus import clients
from event_bus.runtime import stores
from event_bus.settings import settings

if TYPE_CHECKING:
    from event_bus.querying.event_finder import EventFinder
    from event_bus.states.state_reader import StateReader


def state_reader(finder: "EventFinder") -> "StateReader":
    """Folds streams for those who may see their events."""
    from event_bus.encryption.data_keys import DataKeys
    from event_bus.encryption.state_seal import StateSeal
    from event_bus.states.state_reader import StateReader

    own = settings()
    return StateReader(
        streams=stores.streams(),
        finder=finder,
        reducers=stores.reducers(),
        snapshots=stores.snapshots(),
        seal=StateSeal(DataKeys(clients.kms(), own.sealing_key)),
        retention_days=own.retention_days,
    )
