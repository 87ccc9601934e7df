"""Putting the team on the bus, and taking its subscriptions off again."""

from examples.engineering_day.arrivals import Arrivals
from examples.engineering_day.bus import Bus, DayError
from examples.engineering_day.cast import CAST
from examples.engineering_day.team import Team

NAME = "engineering day"
"""The name of every subscription of the example, by which old ones are found."""


def register(admin: Bus) -> None:
    """Registers the publishers; those that are there from an earlier day stay.

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
    """Makes the subscriptions, and has their events taken.

    Args:
        arrivals: Where events arrive.
        team: Who takes them.

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
    """Removes the subscriptions of the example, this day's or those an earlier one left.

    Args:
        admin: The bus, as its admin sees it.

    Returns:
        How many there were.
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
