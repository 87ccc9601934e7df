"""Builds the intake of events and replies."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from event_bus.access.callers import Caller
from event_bus.access.known_publishers import KnownPublishers
from event_bus.model.event import Event
from event_bus.model.publisher import Publisher
from event_bus.publishing.intake import Intake
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.publishing.schema_checks import SchemaChecks
from event_bus.runtime import registry_stores, stores
from event_bus.runtime.payloads import deployed_seal, rights_reader
from event_bus.runtime.threads import threads
from event_bus.settings import settings

if TYPE_CHECKING:
    from event_bus.access.event_visibility import VisibleEvents
    from event_bus.publishing.appends import Appends
    from event_bus.publishing.replying import Replying


def deployed_intake(workers: int) -> Intake:
    """Makes the intake of requests.

    Args:
        workers: How many events of a batch are stored in parallel.
    """
    visible = cache(visible_events)

    def sees(event: Event, caller: Caller) -> bool:
        # Asked only for an event that names its cause.
        return visible().sees(event, caller)

    intake = _intake(workers, sees, deduplicates=True)
    return replace(intake, handler=registry_stores.handlers().of)


def appends(intake: Intake) -> "Appends":
    """Makes the `Appends`, which appends events to streams.

    Args:
        intake: Checks and stores the events.
    """
    from event_bus.publishing.appends import Appends

    return Appends(intake)


def visible_events() -> "VisibleEvents":
    """Makes the rule that decides which events a caller may see."""
    from event_bus.access.event_visibility import VisibleEvents

    subscriptions = registry_stores.subscriptions()
    return VisibleEvents(stores.routings(), subscriptions.of_service, rights_reader())


def reply_intake() -> Intake:
    """Makes the intake of replies, which name the present event as their cause."""
    return _intake(1, lambda _event, _caller: True)


def replying() -> "Replying":
    """Makes the `Replying`, which stores replies to commands."""
    from event_bus.publishing.replying import Replying

    own = reply_intake()
    return Replying(own.store, stores.commands(writes=True), own.rights, own.schemas, own.seal)


def _intake(
    workers: int, sees: Callable[[Event, Caller], bool], *, deduplicates: bool = False
) -> Intake:
    schemas = registry_stores.schemas()
    checks = SchemaChecks(schemas.index, schemas.version)

    def find(service_id: str) -> Publisher | None:
        # One request for both: a publish that finds its publisher in the cache reads nothing.
        publisher, index = schemas.publisher_and_index(service_id)
        checks.take(index)
        return publisher

    return Intake(
        store=stores.events(to_streams=True, deduplicates=deduplicates),
        rights=PublisherRights(KnownPublishers(find)),
        schemas=checks,
        seal=deployed_seal(),
        retention_days=settings().retention_days,
        executor=threads(workers),
        sees=sees,
    )
