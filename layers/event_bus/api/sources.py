"""The service whose reducers and read models a request is about."""

from event_bus.access.callers import Caller
from event_bus.access.ownership import own_source
from event_bus.api.operations.reducers import SOURCE
from event_bus.api.query import Query


def source_of(query: Query, caller: Caller) -> str:
    """Returns the caller's service, or the one that an admin names.

    Raises:
        MalformedRequest: An admin names none.
        Forbidden: A service names another one.
    """
    return own_source(query.get(SOURCE), caller)


def listed_source(query: Query, caller: Caller) -> str | None:
    """Returns the service whose definitions are listed; None if an admin lists those of all."""
    if caller.admin and SOURCE not in query:
        return None
    return source_of(query, caller)
