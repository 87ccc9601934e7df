"""Registers the team on the bus, and removes its subscriptions."""

from examples.engineering_day.arrivals import Arrivals
from examples.engineering_day.bus import Bus, DayError
from examples.engineering_day.cast import CAST
from examples.engineering_day.team import Team

NAME = "engineering day"
"""The name of every subscription of the example, by which old ones are found."""


def register(admin: Bus) -> None:
    """Registers the publishers, unless they exist from an earlier day.

    Args:
        admin: The bus, as its admin sees it.

    Raises:
        DayError: A service of this name is registered for something else.
    """
    for role in CAST:
        if not role.publishes:
            continue
        registered = admin.publisher(role.service_id)
        if registered is None:
            admin.add_publisher(role.service_id, role.short_name, role.publishes, role.api_key)
        elif set(registered["event_types"]) != set(role.publishes):
            raise DayError(
                f"{role.service_id} is registered for other types already; remove it first: "
                f"DELETE /publishers/{role.service_id}"
            )


def subscribe(arrivals: Arrivals, team: Team) -> dict[str, str]:
    """Creates the subscriptions, and consumes their events.

    Args:
        arrivals: The arrivals.
        team: The services.

    Returns:
        The services, by subscription.
    """
    made: dict[str, str] = {}
    for service in team.services:
        role = service.role
        if role.wish is None:
            continue
        subscription = {
            "service_id": role.service_id,
            "name": NAME,
            "event_types": role.wish.event_types,
            "filters": role.wish.filters,
            "authentication": {"type": "api_key", "api_key": role.api_key},
        }
        subscription_id = arrivals.open(
            role.wish.protocol,
            f"/{role.service_id}",
            role.api_key,
            subscription,
            team.inbox(service),
        )
        made[subscription_id] = role.service_id
    return made


def unsubscribe(admin: Bus) -> int:
    """Removes the subscriptions of the example, including those of earlier days.

    Args:
        admin: The bus, as its admin sees it.

    Returns:
        The number of removed subscriptions.
    """
    left = [
        each
        for role in CAST
        for each in admin.subscriptions_of(role.service_id)
        if each["name"] == NAME
    ]
    for each in left:
        admin.unsubscribe(each["id"])
    return len(left)
