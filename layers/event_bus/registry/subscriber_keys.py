"""The key of a service that subscribes: one that it has, or a new one."""

from event_bus.access.callers import Caller
from event_bus.model.api_keys import ApiKey
from event_bus.registry.keys import IssuedKey, addition, issue
from event_bus.registry.services import Services
from event_bus.requests.credentials import Authentication
from event_bus.stores.keys import KeptKey, KeyChange


def subscriber_key(
    services: Services, service_id: str, asked: Authentication, caller: Caller
) -> tuple[KeyChange | KeptKey | None, IssuedKey | None]:
    """Returns what a registration demands of the keys of its service.

    An existing key stays as it is, and must still exist when the registration takes effect. So a
    service that subscribes while its keys are removed does not end up without one.

    Args:
        services: The services.
        service_id: The service.
        asked: What the registration says about a key.
        caller: The caller.

    Returns:
        The key that must exist, or the change that adds one; and the key, if it is new.

    Raises:
        Forbidden: A service names a certificate, a role or a user.
        Conflict: The service has as many keys as it may have.
        Unauthenticated: The caller's key is no longer valid.
    """
    names_one = bool(asked.api_key) or asked.type != "api_key"
    if caller.service_id == service_id and not names_one:
        return KeptKey(caller.key_id) if caller.key_id else None, None
    ring, stale = services.ring(service_id)
    if not names_one and ring.keys:
        return KeptKey(_ending_last(ring.keys).id), None
    issued = issue(asked, ring, caller)
    if ring.find(issued.kept.id):
        return KeptKey(issued.kept.id), None
    return addition(ring, issued.kept, stale), issued


def _ending_last(keys: tuple[ApiKey, ...]) -> ApiKey:
    return max(keys, key=lambda key: float("inf") if key.expires_at is None else key.expires_at)
