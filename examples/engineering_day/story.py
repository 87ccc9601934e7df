"""The scenes of the day. The services react to each by themselves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from examples.engineering_day.services import KnowledgeBase, TaskManager

FOLLOWED = "task-101"
"""The task that is read back at the end, from its creation to its completion."""

FOLLOWED_TYPES = (
    "task.created",
    "task.assigned",
    "role.action.requested",
    "command.generate_code",
    "llm.request.created",
    "llm.response.received",
    "role.action.completed",
    "task.completed",
    "knowledge.item.created",
    "knowledge.item.updated",
)
"""The types of that task's events, in their order."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A part of the day.

    Attributes:
        title: Its title on the screen.
        act: Publishes its first events.
    """

    title: str
    act: Callable[[], None]


def scenes(tasks: TaskManager, knowledge: KnowledgeBase) -> Iterator[Scene]:
    """Yields the scenes of the day. Each begins once all events of the one before were handled.

    Args:
        tasks: The service with which people manage tasks.
        knowledge: The service with which people manage lessons.
    """

    def morning() -> None:
        tasks.user("created", "priya", name="Priya", team="payments")
        tasks.user("updated", "priya", permissions=["deploy"])

    def planning() -> None:
        tasks.create(
            _task("task-101", "Fix the login that fails after midnight", "critical", 18_000),
            _task("task-102", "Offer a dark theme", "low", 42_000),
            _task("task-103", "Write the release notes", "medium", 2_000),
        )
        tasks.assign("task-101", "role:developer")
        tasks.assign("task-102", "role:developer")
        tasks.assign("task-103", "user:priya")

    def by_hand() -> None:
        tasks.update("task-103", status="in_review")
        tasks.complete("task-103", "priya")

    def too_large() -> None:
        tasks.create(_task("task-104", "Move billing to the new tax rules", "high", 260_000))
        tasks.assign("task-104", "role:developer")

    def rescue() -> None:
        tasks.complete("task-104", "jonas")

    def mistake() -> None:
        tasks.create(_task("task-105", "Login fails at night", "medium", 1_000))
        tasks.delete("task-105", "a duplicate of task-101")

    def tests() -> None:
        tasks.create(_task("task-106", "Test the login around midnight", "high", 9_000))
        tasks.assign("task-106", "role:tester")

    def evening() -> None:
        knowledge.revise("task-101", "Sessions end at midnight UTC, not at local midnight.")
        knowledge.forget("task-102")
        tasks.user("deleted", "sam", reason="the contract has ended")

    yield Scene("09:00  Priya joins the team", morning)
    yield Scene("09:30  Planning: three tasks in one request, two of them for a role", planning)
    yield Scene("11:00  Priya finishes hers by hand", by_hand)
    yield Scene("13:30  A task that is too large for the model", too_large)
    yield Scene("15:00  Jonas saves it", rescue)
    yield Scene("15:20  A task created by mistake", mistake)
    yield Scene("16:00  The fix gets its tests", tests)
    yield Scene("17:30  Tidying up", evening)


def _task(task_id: str, title: str, priority: str, context_tokens: int) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "title": title,
        "priority": priority,
        "context_tokens": context_tokens,
    }
