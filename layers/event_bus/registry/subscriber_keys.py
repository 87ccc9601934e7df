"""The key of a service that subscribes: one that it has, or one that it is given."""

from event_bus.access.callers import Caller
from event_bus.model.api_keys import ApiKey
from event_bus.model.credentials import Authentication
from event_bus.registry.keys import IssuedKey, adding, issue
from event_bus.registry.services import Services
from event_bus.stores.items import Item


def key_parts(
    services: Services, service_id: str, asked: Authentication, caller: Caller
) -> tuple[list[Item], IssuedKey | None]:
    """The parts of a registration's transaction that make sure of a key for its service.

    A key that exists stays as it is, and the parts are refused where it is gone. So a service that
    subscribes while its keys are removed is not left without one.

    Args:
        services: The services.
        service_id: The service.
        asked: What the registration says of a key.
        caller: Who registers.

    Returns:
        The parts, and the key if one is made.

    Raises:
        Forbidden: A service names a certificate, a role or a user.
        Conflict: The service has as many keys as it may have.
        Unauthenticated: The caller's key is not good any more.
    """
    names_one = bool(asked.api_key) or asked.type != "api_key"
    if caller.service_id == service_id and not names_one:
        return [services.keys.keeping(caller.key_id)] if caller.key_id else [], None
    ring, stale = services.ring(service_id)
    if not names_one and ring.keys:
        return [services.keys.keeping(_lasting(ring.keys).id)], None
    issued = issue(asked, ring, caller)
    if ring.find(issued.kept.id):
        return [services.keys.keeping(issued.kept.id)], None
    return adding(services.keys, ring, issued.kept, stale), issued


def _lasting(keys: tuple[ApiKey, ...]) -> ApiKey:
    """The key that ends last."""
    return max(keys, key=lambda key: float("inf") if key.expires_at is None else key.expires_at)
