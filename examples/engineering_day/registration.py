"""Registers the team on the bus, and removes its subscriptions."""

from collections.abc import Sequence
from pathlib import Path

from event_bus_client import EventBus, EventBusError
from event_bus_client.cli.bus_file.plan import Change, load, plan

from examples.engineering_day.arrivals import Arrivals
from examples.engineering_day.bus import Address, Bus, DayError
from examples.engineering_day.cast import CAST, MODELS, MODELS_CONTEXT
from examples.engineering_day.team import Team

FILE = Path(__file__).with_name("bus.yaml")
"""What the team registers, as `event-bus apply` takes it."""

NAME = "engineering day"
"""The name of every subscription of the example, by which old ones are found."""


def register(address: Address) -> None:
    """Registers the publishers and the schemas of `bus.yaml`, as far as they are not there.

    Args:
        address: The bus.

    Raises:
        DayError: A service of this name is registered for something else.
    """
    try:
        with EventBus(address.url, address.admin_key) as bus:
            changes = plan(load(FILE.read_text(), bus), prune=False)
            _refuse_others(changes)
            for change in changes:
                change.carry_out()
    except EventBusError as error:
        raise DayError(f"The team cannot be registered: {error}") from error


def _refuse_others(changes: Sequence[Change]) -> None:
    """Refuses to change a publisher that is registered for something else."""
    for change in changes:
        if change.action == "change" and change.kind.name == "publishers":
            raise DayError(
                f"{change.resource_id} is registered for something else; remove it first: "
                f"event-bus publishers delete {change.resource_id}"
            )


def keep_models(orchestrator: Bus) -> None:
    """Keeps the model of each role, by which the bus enriches commands.

    Args:
        orchestrator: The bus, as the orchestrator sees it.
    """
    for role, model in MODELS.items():
        orchestrator.keep(MODELS_CONTEXT, role, model)


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
            "enrichment": role.wish.enrichment,
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
