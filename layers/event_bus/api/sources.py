"""The service, and the stream category, whose reducers and read models a request is about."""

from event_bus.access.callers import Caller
from event_bus.access.ownership import own_source
from event_bus.api.operations.reducers import SOURCE
from event_bus.api.query import Query
from event_bus.api.requests import Request


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


def source_and_category(request: Request) -> tuple[str, str]:
    """Returns the service and the stream category of a reducer or a read model.

    Raises:
        MalformedRequest: An admin names no service.
        Forbidden: A service names another one.
    """
    return source_of(request.query(), request.caller), request.path_parameter("category")
