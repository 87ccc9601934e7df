"""The services of the team. They share nothing: each knows only what it learned from events."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from examples.engineering_day import cast
from examples.engineering_day.cast import Role

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that a service is about to publish.

    Attributes:
        type: Its type.
        payload: Its payload.
        correlation: The correlation id, such as `task-101`; by default that of its cause.
        cause: The event that caused it, if any.
        category: The category of the stream that it belongs to, if any; the stream is named by the
            correlation id.
    """

    type: str
    payload: dict[str, Any]
    correlation: str | None = None
    cause: Event | None = None
    category: str | None = None


Publish = Callable[[Role, Sequence[Draft]], None]
"""Publishes events in one request, in the name of a service."""


class Service(Protocol):
    """A service of the team.

    Attributes:
        role: Its entry in the cast.
    """

    role: ClassVar[Role]

    def react(self, event: Event) -> None:
        """Reacts to an event."""
        ...


@dataclass
class TaskManager:
    """Keeps the tasks, and assigns them to people and roles."""

    publish: Publish
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    role: ClassVar[Role] = cast.TASK_MANAGER

    def create(self, *tasks: dict[str, Any]) -> None:
        """Creates tasks, all in one request."""
        self.tasks |= {task["task_id"]: task for task in tasks}
        self.publish(self.role, [self._draft("task.created", task) for task in tasks])

    def assign(self, task_id: str, assignee: str, **more: Any) -> None:
        """Assigns a task."""
        task = self.tasks[task_id] = {**self.tasks[task_id], "assignee": assignee, **more}
        self.publish(self.role, [self._draft("task.assigned", task)])

    def update(self, task_id: str, **more: Any) -> None:
        """Changes a task."""
        self.publish(self.role, [self._draft("task.updated", {"task_id": task_id, **more})])

    def complete(self, task_id: str, by: str, cause: Event | None = None) -> None:
        """Closes a task that is done."""
        done = {"task_id": task_id, "title": self.tasks[task_id]["title"], "completed_by": by}
        self.publish(self.role, [self._draft("task.completed", done, cause)])

    def delete(self, task_id: str, reason: str) -> None:
        """Deletes a task."""
        del self.tasks[task_id]
        gone = {"task_id": task_id, "reason": reason}
        self.publish(self.role, [self._draft("task.deleted", gone)])

    def user(self, change: str, user_id: str, **more: Any) -> None:
        """Publishes that a member of the team was created, updated or deleted."""
        draft = Draft(f"user.{change}", {"user_id": user_id, **more}, f"user-{user_id}")
        self.publish(self.role, [draft])

    def react(self, event: Event) -> None:
        """Closes the tasks that a role completed, and assigns the others to a person."""
        payload = event["payload"]
        task_id = payload["task_id"]
        if event["type"] == "role.action.completed":
            self.complete(task_id, payload["role"], event)
            return
        task = {**self.tasks[task_id], "assignee": "user:jonas", "priority": "critical"}
        self.tasks[task_id] = task
        blocked = {"task_id": task_id, "status": "blocked", "reason": payload["reason"]}
        self.publish(
            self.role,
            [
                self._draft("task.updated", blocked, event),
                self._draft("task.assigned", task, event),
            ],
        )

    @staticmethod
    def _draft(event_type: str, task: dict[str, Any], cause: Event | None = None) -> Draft:
        return Draft(event_type, task, task["task_id"], cause, "task")


@dataclass
class RoleService:
    """Plays the roles (developer, tester): turns their tasks into commands for the model."""

    publish: Publish
    role: ClassVar[Role] = cast.ROLES

    def react(self, event: Event) -> None:
        """Starts an action for a task, and ends it with the answer of the model."""
        payload = event["payload"]
        if event["type"] == "task.assigned":
            self._begin(event)
            return
        if event["type"] == "llm.response.received":
            outcome, more = "completed", {"files_changed": payload["files_changed"]}
        else:
            outcome, more = "failed", {"reason": payload["message"]}
        ended = {"task_id": payload["task_id"], "role": payload["role"], **more}
        self.publish(self.role, [Draft(f"role.action.{outcome}", ended, cause=event)])

    def _begin(self, event: Event) -> None:
        payload = event["payload"]
        task = {"task_id": payload["task_id"], "role": payload["assignee"].removeprefix("role:")}
        command = {
            **task,
            "instructions": payload["title"],
            "context_tokens": payload["context_tokens"],
        }
        self.publish(
            self.role,
            [
                Draft("role.action.requested", {**task, "action": "implement"}, cause=event),
                Draft("command.generate_code", command, cause=event),
            ],
        )


@dataclass
class LlmOrchestrator:
    """Carries out commands with a model whose context is limited."""

    publish: Publish
    role: ClassVar[Role] = cast.LLM

    CONTEXT_TOKENS: ClassVar[int] = 200_000

    def react(self, event: Event) -> None:
        """Asks the model, and publishes its answer."""
        command = event["payload"]
        task = {"task_id": command["task_id"], "role": command["role"]}
        tokens = command["context_tokens"]
        model = event["enrichment"]["model"]
        request = {**task, "model": model, "prompt_tokens": tokens}
        self.publish(self.role, [Draft("llm.request.created", request, cause=event)])
        if tokens > self.CONTEXT_TOKENS:
            message = f"{tokens} tokens do not fit into {self.CONTEXT_TOKENS}"
            error = {**task, "code": "context_too_long", "message": message}
            self.publish(self.role, [Draft("llm.error.occurred", error, cause=event)])
            return
        answer = {**task, "files_changed": 3, "completion_tokens": tokens // 10}
        self.publish(self.role, [Draft("llm.response.received", answer, cause=event)])


@dataclass
class KnowledgeBase:
    """Stores what the team has learned from each task."""

    publish: Publish
    role: ClassVar[Role] = cast.KNOWLEDGE_BASE

    def revise(self, task_id: str, text: str) -> None:
        """Updates the lesson of a task."""
        self._tell("updated", task_id, {"text": text})

    def forget(self, task_id: str) -> None:
        """Deletes the lesson of a task."""
        self._tell("deleted", task_id, {})

    def react(self, event: Event) -> None:
        """Stores the lesson of a completed task."""
        payload = event["payload"]
        text = f"{payload['title']}: done by {payload['completed_by']}"
        self._tell("created", payload["task_id"], {"text": text}, event)

    def _tell(
        self, change: str, task_id: str, more: dict[str, Any], cause: Event | None = None
    ) -> None:
        item = {"item_id": f"lesson-{task_id}", **more}
        self.publish(self.role, [Draft(f"knowledge.item.{change}", item, task_id, cause)])


@dataclass
class NotificationService:
    """Sends messages to people.

    Attributes:
        sent: The messages so far.
    """

    publish: Publish
    sent: list[str] = field(default_factory=list)
    role: ClassVar[Role] = cast.NOTIFICATIONS

    def react(self, event: Event) -> None:
        """Writes a message, and publishes nothing."""
        payload = event["payload"]
        self.sent.append(f"{payload['task_id']}: {event['type']}, {payload['priority']}")
