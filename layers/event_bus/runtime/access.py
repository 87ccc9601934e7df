"""Builds the authentication of callers, and the limits of their requests."""

from typing import TYPE_CHECKING

from event_bus import clients
from event_bus.runtime import registry_stores, stores
from event_bus.settings import settings

if TYPE_CHECKING:
    from event_bus.access.authenticator import Authenticator
    from event_bus.access.iam_callers import IamCallers
    from event_bus.access.live_keys import LiveKeys
    from event_bus.access.rate_limits import RateLimiter
    from event_bus.inbox.waiting import WaitingRoom


def authenticator() -> "Authenticator":
    """Makes the `Authenticator`, which identifies callers by key, token or certificate."""
    from event_bus.access.admin_key import AdminKey
    from event_bus.access.authenticator import Authenticator

    admin_key = AdminKey(clients.secrets(), settings().admin_secret)
    return Authenticator(
        registry_stores.keys(), admin_key.read, admin_key_again=admin_key.read_again
    )


def iam_callers() -> "IamCallers":
    """Makes the `IamCallers`, which identifies callers that IAM has authenticated."""
    from event_bus.access.admin_key import AdminSecret
    from event_bus.access.authenticator import Authenticator
    from event_bus.access.iam_callers import IamCallers

    # Only the admin key proves that a caller is an admin.
    known = Authenticator(registry_stores.keys(), admin_key=lambda: AdminSecret("", ""))
    return IamCallers(known, rate_limiter(), settings().key_rate)


def live_keys() -> "LiveKeys":
    """Makes the `LiveKeys`, which checks whether the keys of open connections are still valid."""
    from event_bus.access.admin_key import current_id
    from event_bus.access.live_keys import LiveKeys

    return LiveKeys(
        registry_stores.keys(), lambda: current_id(clients.secrets(), settings().admin_secret)
    )


def rate_limiter() -> "RateLimiter":
    """Makes the `RateLimiter`, which counts the requests of keys."""
    from event_bus.access.rate_limits import RateLimiter

    return RateLimiter(stores.limits())


def waiting_room() -> "WaitingRoom":
    """Makes the `WaitingRoom`, which limits the requests of a service that wait."""
    from event_bus.inbox.waiting import WaitingRoom

    return WaitingRoom(stores.limits(), settings().waiting_requests)
