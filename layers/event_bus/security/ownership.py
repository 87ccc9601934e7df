"""Whose subscriptions a caller may see and use."""

from collections.abc import Callable

from event_bus.errors import NotFound
from event_bus.model.registration import Subscription
from event_bus.security.callers import Caller


def own_subscription(
    find: Callable[[str], Subscription | None],
    subscription_id: str,
    caller: Caller,
    *,
    of_anyone: bool = False,
) -> Subscription:
    """A subscription that belongs to the caller; to an admin, all do.

    Args:
        find: Finds a subscription by its id.
        subscription_id: Its id.
        caller: Who asks for it.
        of_anyone: Whether the caller may use any for what it is about to do.

    Raises:
        NotFound: There is none, or none that the caller may see.
    """
    subscription = find(subscription_id)
    if subscription and (of_anyone or _owns(caller, subscription)):
        return subscription
    raise NotFound(f"There is no subscription {subscription_id}, or none that this key may see.")


def _owns(caller: Caller, subscription: Subscription) -> bool:
    if caller.subscription_id is not None:
        return subscription.id == caller.subscription_id
    return caller.admin or subscription.service_id == caller.service_id
