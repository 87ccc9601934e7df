"""Who takes part: what each service publishes, what it subscribes to, and how it reacts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Event = dict[str, Any]


@dataclass(frozen=True)
class Service:
    """A service of the team.

    Attributes:
        id: Its name on the bus.
        colour: Its colour on the screen.
        publishes: The event types that it registers for.
        subscribes: The event types that it wants.
        filters: What narrows them.
        wants: The same in Python, by which the example checks what the bus delivered.
        react: What it publishes when it receives an event: types and payloads.
    """

    id: str
    colour: str
    publishes: tuple[str, ...] = ()
    subscribes: tuple[str, ...] = ()
    filters: dict[str, Any] | None = None
    wants: Callable[[Event], bool] = lambda _: True
    react: Callable[[Event], list[tuple[str, dict[str, Any]]]] = lambda _: []

    def expects(self, event: Event) -> bool:
        """Whether the service should receive an event."""
        return event["type"] in self.subscribes and self.wants(event)


def _task_manager(event: Event) -> list[tuple[str, dict[str, Any]]]:
    payload = event["payload"]
    return [("task.completed", {"task_id": payload["task_id"], "result": payload["result"]})]


def _role(event: Event) -> list[tuple[str, dict[str, Any]]]:
    payload = event["payload"]
    task = {"task_id": payload["task_id"]}
    match event["type"]:
        case "task.assigned":
            return [
                ("role.action.requested", {**task, "role": "developer", "action": "write code"}),
                ("command.generate_code", {**task, "prompt": payload["title"]}),
            ]
        case "llm.response.received":
            return [("role.action.completed", {**task, "result": payload["text"]})]
        case _:
            return [("role.action.failed", {**task, "reason": payload["error"]})]


def _llm(event: Event) -> list[tuple[str, dict[str, Any]]]:
    prompt = event["payload"]["prompt"]
    task = {"task_id": event["payload"]["task_id"]}
    request = ("llm.request.created", {**task, "model": "local", "prompt": prompt})
    if "halting problem" in prompt:
        return [request, ("llm.error.occurred", {**task, "error": "no answer exists"})]
    return [request, ("llm.response.received", {**task, "text": f"def solve(): ...  # {prompt}"})]


def _knowledge(event: Event) -> list[tuple[str, dict[str, Any]]]:
    payload = event["payload"]
    note = {"item_id": f"note-{payload['task_id']}", "text": payload["result"]}
    return [("knowledge.item.created", note)]


def _urgent(event: Event) -> bool:
    return event["type"] == "task.created" or event["payload"]["priority"] in ("high", "critical")


CAST = (
    Service(
        "task_manager_service",
        "cyan",
        publishes=(
            "task.created",
            "task.updated",
            "task.assigned",
            "task.completed",
            "task.deleted",
            "user.created",
            "user.updated",
            "user.deleted",
        ),
        subscribes=("role.action.completed",),
        react=_task_manager,
    ),
    Service(
        "role_service",
        "magenta",
        publishes=(
            "role.action.requested",
            "role.action.completed",
            "role.action.failed",
            "command.generate_code",
        ),
        subscribes=("task.assigned", "llm.response.received", "llm.error.occurred"),
        react=_role,
    ),
    Service(
        "llm_orchestrator",
        "yellow",
        publishes=("llm.request.created", "llm.response.received", "llm.error.occurred"),
        subscribes=("command.generate_code",),
        react=_llm,
    ),
    Service(
        "knowledge_base_service",
        "green",
        publishes=("knowledge.item.created", "knowledge.item.updated", "knowledge.item.deleted"),
        subscribes=("task.completed",),
        react=_knowledge,
    ),
    Service(
        "notification_service",
        "blue",
        subscribes=("task.created", "task.assigned"),
        filters={"task.assigned": {"priority": ["high", "critical"]}},
        wants=_urgent,
    ),
)

MORNING: tuple[tuple[str, str], ...] = (
    ("Parse the invoices", "high"),
    ("Rename the settings page", "low"),
    ("Stop the memory leak", "critical"),
    ("Solve the halting problem", "high"),
    ("Sort the backlog", "medium"),
    ("Translate the help texts", "low"),
)
"""The tasks of the day: title and priority."""
