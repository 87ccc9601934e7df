"""Builds what seals and opens payloads, and what decides who may."""

from functools import cache
from typing import TYPE_CHECKING

from event_bus.runtime import registry_stores
from event_bus.runtime.encryption import data_keys
from event_bus.settings import settings

if TYPE_CHECKING:
    from event_bus.access.known_publishers import KnownPublishers
    from event_bus.access.payload_readers import PayloadReaders
    from event_bus.access.receive_rights import RightsReader
    from event_bus.access.subscription_rights import SubscriptionRights
    from event_bus.encryption.payload_seal import PayloadSeal
    from event_bus.stores.publishers import PublisherStore
    from event_bus.stores.rights import RightsStore
    from event_bus.targets.upcasting import Upcaster


def deployed_seal() -> "PayloadSeal":
    """Makes the `PayloadSeal`, which seals and opens payloads."""
    from event_bus.encryption.payload_seal import PayloadSeal

    return PayloadSeal(data_keys())


def known_publishers() -> "KnownPublishers":
    """Makes the `KnownPublishers`, which finds publishers."""
    from event_bus.access.known_publishers import KnownPublishers

    return KnownPublishers(registry_stores.publishers().get)


def deployed_readers() -> "PayloadReaders":
    """Makes the `PayloadReaders`, which opens payloads for those who may read them."""
    from event_bus.access.payload_readers import PayloadReaders

    return PayloadReaders(deployed_seal(), known_publishers())


def upcaster() -> "Upcaster":
    """Makes the `Upcaster`, which brings events to the version that their reader asks for."""
    from event_bus.targets.upcasting import Upcaster

    schemas = cache(registry_stores.schemas)
    # Few events are brought to another version, so the store is imported for the first of them.
    return Upcaster(lambda event_type, number: schemas().version(event_type, number))


def rights_reader(rights: "RightsStore | None" = None) -> "RightsReader":
    """Makes the `RightsReader`, which reads what services may receive.

    Args:
        rights: The store, if the function has one.
    """
    from event_bus.access.receive_rights import RightsReader

    return RightsReader(rights or registry_stores.rights(), settings().default_receive)


def subscription_rights(
    rights: "RightsStore | None" = None, publishers: "PublisherStore | None" = None
) -> "SubscriptionRights":
    """Makes the `SubscriptionRights`, which refuses types that a service may not receive.

    Args:
        rights: The store of rights, if the function has one.
        publishers: The store of publishers, if the function has one.
    """
    from event_bus.access.subscription_rights import SubscriptionRights

    return SubscriptionRights(
        rights_reader(rights), (publishers or registry_stores.publishers()).get
    )
