"""The services of the team: what they publish and subscribe to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Payload = Mapping[str, Any]

Protocol = Literal["http", "sqs", "pull", "websocket"]
"""How events reach a service: callback, queue, pull or WebSocket."""

PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a service wants: its subscription, and the same condition in Python.

    The bus gets the types and filters. The day is checked against `wants`, which is independent of
    the bus's matching.

    Attributes:
        event_types: The type patterns of the subscription.
        filters: Its filters.
        protocol: How events arrive.
        enrichment: What the bus adds to each event.
        wants: For each exact type, whether an event with this payload is wanted.
    """

    event_types: tuple[str, ...]
    wants: Mapping[str, Callable[[Payload], bool]]
    filters: Mapping[str, Any] = field(default_factory=dict)
    protocol: Protocol = "http"
    enrichment: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """One service of the team.

    Attributes:
        service_id: Its name on the bus.
        colour: Its colour on the screen.
        publishes: The types that it publishes.
        wish: Its subscription, if it has one.
    """

    service_id: str
    colour: str
    publishes: tuple[str, ...] = ()
    wish: Wish | None = None

    @property
    def short_name(self) -> str:
        """The name without the suffix that all names share."""
        return self.service_id.removesuffix("_service")

    @property
    def api_key(self) -> str:
        """Its chosen key; not secret, because the day is played only on this machine."""
        return f"engineering-day-{self.short_name.replace('_', '-')}"


def _always(_: Payload) -> bool:
    return True


TASK_MANAGER = Role(
    "task_manager_service",
    "cyan",
    (
        "task.created",
        "task.updated",
        "task.assigned",
        "task.completed",
        "task.deleted",
        "user.created",
        "user.updated",
        "user.deleted",
    ),
    Wish(
        ("role.action.completed", "role.action.failed"),
        {"role.action.completed": _always, "role.action.failed": _always},
    ),
)

KNOWLEDGE_BASE = Role(
    "knowledge_base_service",
    "green",
    ("knowledge.item.created", "knowledge.item.updated", "knowledge.item.deleted"),
    Wish(("task.completed",), {"task.completed": _always}, protocol="pull"),
)

MODELS_CONTEXT = "models"
"""The context in which the orchestrator keeps the model of each role."""

MODELS = {"developer": "coder-large", "tester": "coder-small"}
"""The entries of that context."""

LLM = Role(
    "llm_orchestrator",
    "magenta",
    ("llm.request.created", "llm.response.received", "llm.error.occurred"),
    Wish(
        ("command.*",),
        {"command.generate_code": _always},
        enrichment={
            "model": {"type": "lookup", "context": MODELS_CONTEXT, "key": "$.payload.role"}
        },
    ),
)

ROLES = Role(
    "role_service",
    "blue",
    (
        "role.action.requested",
        "role.action.completed",
        "role.action.failed",
        "command.generate_code",
    ),
    Wish(
        ("task.assigned", "llm.response.received", "llm.error.occurred"),
        {
            # Tasks of people concern other services.
            "task.assigned": lambda payload: payload["assignee"].startswith("role:"),
            "llm.response.received": _always,
            "llm.error.occurred": _always,
        },
        {"task.assigned": {"assignee": [{"prefix": "role:"}]}},
        "sqs",
    ),
)

NOTIFICATIONS = Role(
    "notification_service",
    "yellow",
    (),
    Wish(
        ("task.created", "task.assigned"),
        {
            "task.created": _always,
            "task.assigned": lambda payload: payload["priority"] in ("high", "critical"),
        },
        {"task.assigned": {"priority": ["high", "critical"]}},
        "websocket",
    ),
)

CAST = (TASK_MANAGER, KNOWLEDGE_BASE, LLM, ROLES, NOTIFICATIONS)
"""Everyone who takes part."""

EVENT_TYPES = frozenset(event_type for role in CAST for event_type in role.publishes)
"""Every type that must occur."""


def audience(event_type: str, payload: Payload) -> tuple[list[Role], list[Role]]:
    """Returns the services that must receive an event, and those whose filters exclude it.

    Args:
        event_type: The event's type.
        payload: Its payload.
    """
    receive: list[Role] = []
    filtered: list[Role] = []
    for role in CAST:
        wants = role.wish.wants.get(event_type) if role.wish else None
        if wants:
            (receive if wants(payload) else filtered).append(role)
    return receive, filtered


def protocol_of(service_id: str) -> Protocol:
    """Returns how events reach a service.

    Args:
        service_id: The service, which has a wish.
    """
    [wish] = [role.wish for role in CAST if role.service_id == service_id and role.wish]
    return wish.protocol
