"""The stores of what services and admins have registered, each built here.

As in `stores`, a function imports a store's module only when it asks for that store.
"""

from typing import TYPE_CHECKING

from event_bus.runtime import stores
from event_bus.settings import settings

if TYPE_CHECKING:
    from event_bus.stores.changes import ChangeLog
    from event_bus.stores.contexts import ContextStore
    from event_bus.stores.handlers import HandlerStore
    from event_bus.stores.keys import KeyStore
    from event_bus.stores.publishers import PublisherStore
    from event_bus.stores.read_models import ReadModelStore
    from event_bus.stores.reducers import ReducerStore
    from event_bus.stores.registrations import Registrations
    from event_bus.stores.rights import RightsStore
    from event_bus.stores.schemas import SchemaStore
    from event_bus.stores.subscriptions import SubscriptionStore


def changes() -> "ChangeLog":
    """Makes the `ChangeLog`: the numbered log of what changes in the registry."""
    from event_bus.stores.changes import ChangeLog

    return ChangeLog(stores.table_of(settings().changes_table))


def contexts() -> "ContextStore":
    """Makes the `ContextStore`: the contexts of services, which enrichments look up."""
    from event_bus.stores.contexts import ContextStore

    return ContextStore(stores.table_of(settings().contexts_table))


def handlers() -> "HandlerStore":
    """Makes the `HandlerStore`: the handlers of commands."""
    from event_bus.stores.handlers import HandlerStore

    return HandlerStore(stores.table_of(settings().changes_table))


def keys() -> "KeyStore":
    """Makes the `KeyStore`: the API keys and the stream tokens."""
    from event_bus.stores.keys import KeyStore

    return KeyStore(stores.table_of(settings().keys_table))


def publishers() -> "PublisherStore":
    """Makes the `PublisherStore`: the publishers."""
    from event_bus.stores.publishers import PublisherStore

    return PublisherStore(stores.table_of(settings().publishers_table))


def read_models(*, announces: bool = False) -> "ReadModelStore":
    """Makes the `ReadModelStore`: the read models and their states.

    Args:
        announces: Whether the function registers read models, and so writes the numbered log.
    """
    from event_bus.stores.read_models import ReadModelStore

    own = settings()
    log = own.changes_table if announces else ""
    return ReadModelStore(stores.table_of(own.states_table), stores.table_of(log))


def reducers() -> "ReducerStore":
    """Makes the `ReducerStore`: the reducers of stream categories."""
    from event_bus.stores.reducers import ReducerStore

    return ReducerStore(stores.table_of(settings().states_table))


def registrations() -> "Registrations":
    """Makes the `Registrations`, for the function that changes registrations of services."""
    from event_bus.stores.registrations import Registrations

    return Registrations(
        publishers(),
        subscriptions(changes=True),
        keys(),
        rights(changes=True),
        stores.paces(),
        stores.replays(writes=True),
        stores.events(payloads=False),
        stores.retention(writes=True),
    )


def rights(*, changes: bool = False) -> "RightsStore":
    """Makes the `RightsStore`: what services may receive.

    Args:
        changes: Whether the function changes rights, and so writes the numbered log.
    """
    from event_bus.stores.rights import RightsStore

    own = settings()
    log = own.changes_table if changes else ""
    return RightsStore(stores.table_of(own.rights_table), stores.table_of(log))


def schemas(*, announces: bool = False) -> "SchemaStore":
    """Makes the `SchemaStore`: the schemas of event types.

    Args:
        announces: Whether the function registers versions, and so stores events about them.
    """
    from event_bus.stores.schemas import SchemaStore

    own = settings()
    if announces:
        told = stores.events(payloads=False)
        return SchemaStore(stores.table_of(own.publishers_table), told, own.retention_days)
    return SchemaStore(stores.table_of(own.publishers_table))


def subscriptions(*, changes: bool = False) -> "SubscriptionStore":
    """Makes the `SubscriptionStore`: the subscriptions.

    Args:
        changes: Whether the function reads or writes the numbered log of their changes.
    """
    from event_bus.stores.subscriptions import SubscriptionStore
    from event_bus.targets.registry import TARGETS

    own = settings()
    log = own.changes_table if changes else ""
    return SubscriptionStore(
        stores.table_of(own.subscriptions_table), TARGETS, stores.table_of(log)
    )
