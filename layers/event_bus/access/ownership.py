"""The subscriptions and publishers that a caller may see and use."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from event_bus.access.callers import Caller
from event_bus.access.known_publishers import RESERVED_NAMES
from event_bus.errors import Forbidden, InvalidRequest, MalformedRequest, NotFound
from event_bus.model.publisher import Publisher
from event_bus.model.subscription import Subscription


class _OfService(Protocol):
    @property
    def service_id(self) -> str: ...


_Owned = TypeVar("_Owned", bound=_OfService)


def own_subscription(
    find: Callable[[str], Subscription | None],
    subscription_id: str,
    caller: Caller,
    *,
    of_anyone: bool = False,
) -> Subscription:
    """Returns a subscription of the caller: any for an admin, one for a limited stream token.

    Args:
        find: Finds a subscription by its id.
        subscription_id: Its id.
        caller: Who asks for it.
        of_anyone: Whether the owner of the subscription does not matter.

    Raises:
        NotFound: There is none, or none that the caller may see.
    """
    subscription = find(subscription_id)
    if subscription and (of_anyone or _owns(caller, subscription)):
        return subscription
    raise NotFound.of(f"subscription {subscription_id}")


def own_publisher(
    find: Callable[[str], Publisher | None], service_id: str, caller: Caller
) -> Publisher:
    """Returns a publisher that the caller may see: any for an admin, itself for a service.

    Args:
        find: Finds a publisher by its service.
        service_id: Its service.
        caller: Who asks for it.

    Raises:
        NotFound: There is none, or none that the caller may see.
    """
    if may_see_service(service_id, caller) and (publisher := find(service_id)):
        return publisher
    raise NotFound.of(f"publisher {service_id}")


def own(found: _Owned | None, what: str, caller: Caller) -> _Owned:
    """Returns a resource of the caller; any for an admin.

    Args:
        found: The resource, if it exists.
        what: Its kind and its id.
        caller: Who asks for it.

    Raises:
        NotFound: There is none, or none that the caller may see.
    """
    if found and (caller.admin or found.service_id == caller.service_id):
        return found
    raise NotFound.of(what)


def may_see_service(service_id: str, caller: Caller) -> bool:
    """Returns whether the caller may see the registrations of a service."""
    return bool(service_id) and (caller.admin or caller.service_id == service_id)


def _owns(caller: Caller, subscription: Subscription) -> bool:
    if caller.subscription_id is not None:
        return subscription.id == caller.subscription_id
    return caller.admin or subscription.service_id == caller.service_id


def refuse_reserved(service_id: str) -> None:
    """Refuses a service name that is reserved for the bus.

    Raises:
        InvalidRequest: The name is reserved.
    """
    if service_id in RESERVED_NAMES:
        raise InvalidRequest.at("/service_id", f"{service_id} is kept for the bus itself")


def own_source(source: str | None, caller: Caller) -> str:
    """Returns the service whose streams a request is about: the caller, or one that an admin names.

    Args:
        source: The service that the request names.
        caller: Who asks.

    Raises:
        MalformedRequest: An admin names none.
        Forbidden: A service names another one.
    """
    if caller.admin:
        if source is None:
            detail = "is required with an admin key: name the service that owns the streams"
            raise MalformedRequest.at("source", detail)
        return source
    if source not in (None, caller.service_id):
        said = f"{caller.service_id} may not do this for the streams of {source}."
        raise Forbidden(said, reason="other_service")
    return caller.service_id
