"""Builds what seals and opens payloads, and what decides who may."""

from functools import cache
from typing import TYPE_CHECKING

from event_bus import clients
from event_bus.runtime import stores
from event_bus.settings import settings

if TYPE_CHECKING:
    from event_bus.access.known_publishers import KnownPublishers
    from event_bus.access.payload_readers import PayloadReaders
    from event_bus.access.receive_rights import RightsReader
    from event_bus.access.subscription_rights import SubscriptionRights
    from event_bus.encryption.payload_seal import PayloadSeal
    from event_bus.targets.upcasting import Upcaster


def deployed_seal() -> "PayloadSeal":
    """Seals and opens payloads."""
    from event_bus.encryption.data_keys import DataKeys
    from event_bus.encryption.payload_seal import PayloadSeal

    return PayloadSeal(DataKeys(clients.kms(), settings().sealing_key))


def known_publishers() -> "KnownPublishers":
    """Finds publishers."""
    from event_bus.access.known_publishers import KnownPublishers

    return KnownPublishers(stores.publishers().get)


def deployed_readers() -> "PayloadReaders":
    """Opens payloads for those who may read them."""
    from event_bus.access.payload_readers import PayloadReaders

    return PayloadReaders(deployed_seal(), known_publishers())


def upcaster() -> "Upcaster":
    """Brings events to the version that their reader asks for."""
    from event_bus.targets.upcasting import Upcaster

    schemas = cache(stores.schemas)
    # Few events are brought to another version, so the store is imported for the first of them.
    return Upcaster(lambda event_type, number: schemas().version(event_type, number))


def rights_reader() -> "RightsReader":
    """Reads what services may receive."""
    from event_bus.access.receive_rights import RightsReader

    store = stores.rights()
    return RightsReader(store, settings().default_receive)


def subscription_rights() -> "SubscriptionRights":
    """Refuses subscriptions to types that a service may not receive."""
    from event_bus.access.subscription_rights import SubscriptionRights

    publishers = stores.publishers()
    return SubscriptionRights(rights_reader(), publishers.get)
