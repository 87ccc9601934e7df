"""Builds the components for states of event streams."""

from typing import TYPE_CHECKING

from event_bus.runtime import registry_stores, stores
from event_bus.runtime.encryption import data_keys
from event_bus.runtime.threads import threads
from event_bus.settings import settings

if TYPE_CHECKING:
    from event_bus.querying.event_finder import EventFinder
    from event_bus.states.model_reader import ReadModelReader
    from event_bus.states.projector import Projector
    from event_bus.states.reducing import Reduce
    from event_bus.states.state_reader import StateReader

_WORKERS = 8


def state_reader(finder: "EventFinder") -> "StateReader":
    """Makes the `StateReader`, which folds streams for those who may see their events."""
    from event_bus.encryption.state_seal import StateSeal
    from event_bus.states.folding import Snapshots
    from event_bus.states.state_reader import StateReader

    seal = StateSeal(data_keys())
    return StateReader(
        streams=stores.streams(),
        finder=finder,
        reducers=registry_stores.reducers(),
        snapshots=Snapshots(stores.snapshots(), seal, settings().retention_days),
        reduce=_reduce(),
    )


def model_reader(finder: "EventFinder") -> "ReadModelReader":
    """Makes the `ReadModelReader`, which lists the states of read models."""
    from event_bus.states.model_reader import ReadModelReader

    return ReadModelReader(registry_stores.read_models(), finder, stores.streams())


def projector() -> "Projector":
    """Makes the `Projector`, which keeps read models up to date, and builds them."""
    from event_bus.runtime.queues import projection_queue
    from event_bus.states.projector import Projector

    return Projector(
        models=registry_stores.read_models(),
        reducers=registry_stores.reducers(),
        streams=stores.streams(),
        events=stores.events(),
        queue=projection_queue(),
        executor=threads(_WORKERS),
        reduce=_reduce(),
    )


def _reduce() -> "Reduce":
    from event_bus.states.function_reducing import FunctionReducers
    from event_bus.targets.aws_clients import TargetClients

    return FunctionReducers(TargetClients("lambda")).reduced
