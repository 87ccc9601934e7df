"""Builds the components that register publishers, subscribers, subscriptions and keys."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_bus import clients
from event_bus.runtime import access, registry_stores, stores
from event_bus.settings import settings

if TYPE_CHECKING:
    from event_bus.access.subscribers import Subscribers
    from event_bus.recovery.backlogs import Backlogs
    from event_bus.registry.chosen_ids import ChosenIds
    from event_bus.registry.contexts import Contexts
    from event_bus.registry.failing import FailingSubscriptions
    from event_bus.registry.keys import KeyRegistry
    from event_bus.registry.opt_ins import OptIns
    from event_bus.registry.publishers import PublisherRegistry
    from event_bus.registry.read_models import ReadModelRegistry
    from event_bus.registry.reducers import ReducerRegistry
    from event_bus.registry.services import Services
    from event_bus.registry.stream_changes import StreamChanges
    from event_bus.registry.subscription_targets import SubscriptionTargets
    from event_bus.registry.subscriptions import SubscriptionRegistry
    from event_bus.stores.circuits import CircuitStore


@dataclass(frozen=True, slots=True)
class RegistryComponents:
    """The components of the registry, which share their stores.

    Attributes:
        publishers: Registers publishers.
        subscribers: Gives services the types that they may receive.
        subscriptions: Registers subscriptions.
        chosen_ids: Registers and replaces subscriptions under identifiers of a client's choice.
        circuits: The circuits of subscriptions, and their paces.
        backlogs: What is held for paused subscriptions.
        failing: Finds the subscriptions that fail at present.
    """

    publishers: "PublisherRegistry"
    subscribers: "Subscribers"
    subscriptions: "SubscriptionRegistry"
    chosen_ids: "ChosenIds"
    circuits: "CircuitStore"
    backlogs: "Backlogs"
    failing: "FailingSubscriptions"


def registry_components() -> RegistryComponents:
    """Makes the components of the registry."""
    from event_bus.access.subscribers import Subscribers
    from event_bus.recovery.backlogs import Backlogs
    from event_bus.registry.chosen_ids import ChosenIds
    from event_bus.registry.failing import FailingSubscriptions
    from event_bus.registry.publishers import PublisherRegistry
    from event_bus.registry.subscriptions import SubscriptionRegistry
    from event_bus.runtime.encryption import signing_secrets
    from event_bus.runtime.payloads import subscription_rights
    from event_bus.runtime.queues import replay_queue

    registrations, circuits = registry_stores.registrations(), stores.circuits()
    levels = stores.levels()
    subscriptions = SubscriptionRegistry(
        registrations=registrations,
        circuits=circuits,
        inboxes=stores.inboxes(),
        replay_queue=replay_queue(),
        targets=_targets(),
        secrets=signing_secrets(),
        rights=subscription_rights(registrations.rights, registrations.publishers),
        most=settings().service_subscriptions,
    )
    return RegistryComponents(
        publishers=PublisherRegistry(registrations),
        subscribers=Subscribers(registrations.rights),
        subscriptions=subscriptions,
        chosen_ids=ChosenIds(subscriptions),
        circuits=circuits,
        backlogs=Backlogs(levels, registrations.replays),
        failing=FailingSubscriptions(registrations.subscriptions, circuits, levels),
    )


def reducer_registry() -> "ReducerRegistry":
    """Makes the `ReducerRegistry`, which registers reducers."""
    from event_bus.registry.reducers import ReducerRegistry

    return ReducerRegistry(registry_stores.reducers(), _opt_ins())


def read_model_registry() -> "ReadModelRegistry":
    """Makes the `ReadModelRegistry`, which registers read models."""
    from event_bus.registry.read_models import ReadModelRegistry
    from event_bus.runtime.queues import projection_queue

    return ReadModelRegistry(
        registry_stores.read_models(announces=True), registry_stores.reducers(), projection_queue()
    )


def _opt_ins() -> "OptIns":
    from event_bus.access.opt_in import tag_key
    from event_bus.registry.opt_ins import OptIns

    own = settings()
    return OptIns(own.account, tag_key(own.stage), own.untagged_targets, clients.of_service)


def _targets() -> "SubscriptionTargets":
    from event_bus.callbacks.handshake import Handshake
    from event_bus.registry.managed_queues import SETTLING_SECONDS, ManagedQueues
    from event_bus.registry.subscription_targets import SubscriptionTargets
    from event_bus.runtime.transports import callback_client

    own = settings()
    return SubscriptionTargets(
        _opt_ins(),
        Handshake(callback_client(), own.api_host),
        ManagedQueues(
            clients.sqs(),
            own.managed_prefix,
            # The emulator's queues can be used at once.
            0 if own.local else SETTLING_SECONDS,
        ),
        access.waiting_room(),
    )


def contexts() -> "Contexts":
    """Makes the `Contexts`, which keeps the contexts of services."""
    from event_bus.registry.contexts import Contexts

    return Contexts(registry_stores.contexts())


def services() -> "Services":
    """Makes the `Services`, which finds the services that keys belong to."""
    from event_bus.registry.services import Services

    return Services(
        registry_stores.publishers(),
        registry_stores.subscriptions(changes=True),
        registry_stores.keys(),
    )


def key_registry() -> "KeyRegistry":
    """Makes the `KeyRegistry`, which makes, rotates and revokes keys."""
    from event_bus.registry.keys import KeyRegistry

    return KeyRegistry(registry_stores.keys(), settings().key_rate)


def stream_changes() -> "StreamChanges":
    """Makes the `StreamChanges`, which truncates and deletes event streams."""
    from event_bus.registry.stream_changes import StreamChanges

    return StreamChanges(stores.streams())
