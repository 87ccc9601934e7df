"""Services that send commands, handle them and answer them."""

from typing import Any

from event_bus.access.callers import Caller

from tests.simulation.clients import ADMIN
from tests.simulation.consumers import Consumers
from tests.simulation.known import KnownEvent, Subscriber, Violation

_FINAL = ("succeeded", "failed", "expired", "cancelled")

WORKER = Caller("worker", "service")


class Commanders(Consumers):
    """Senders and handlers of commands.

    Attributes:
        replied: The replies that were answered with 2xx, by the command.
        ends: The final state that a client was shown, by the command.
        cancelled: When a cancellation was answered, by the command.
    """

    def __init__(self, *arguments: Any, **members: Any) -> None:
        super().__init__(*arguments, **members)
        self.replied: dict[str, str] = {}
        self.ends: dict[str, str] = {}
        self.cancelled: dict[str, float] = {}

    def handle(
        self, event_types: list[str], subscriber: Subscriber | None = None, **members: Any
    ) -> str:
        """Registers the handler of commands, whose answers are replies; returns its id."""
        members = {"reply": True, "handles": True, "delivery_guarantee": "exactly_once", **members}
        return self.subscribe(event_types, subscriber, **members)

    def handle_inbox(self, event_types: list[str]) -> str:
        """Registers a handler with an inbox; returns its id."""
        members = {"handles": True, "delivery_guarantee": "exactly_once"}
        return self.subscribe_inbox(event_types, "pull", **members)

    def command(
        self,
        command_id: str,
        event_type: str = "command.pay",
        *,
        deadline: str | None = None,
        replies: int | None = None,
    ) -> None:
        """Sends a command, or a request for several replies, until it is answered."""
        metadata: dict[str, Any] = {"deadline": deadline} if deadline else {}
        if replies:
            metadata["expect_replies"] = replies
        body = {"id": command_id, "type": event_type, "payload": {"n": 1}, "metadata": metadata}
        first = self.published.setdefault(command_id, KnownEvent(body, 0, self.moves))
        status, answer = self.insist("inbox", "POST /commands", ADMIN, body)
        if status not in (200, 202):
            raise Violation(f"a command was answered {status}: {answer}")
        self.published[command_id] = KnownEvent(body, status, first.began)
        self._show(answer)

    def try_to_reply(self, command_id: str, body: dict[str, Any]) -> int:
        """Replies to a command as a service that may not be its handler; returns the status."""
        route, path = "POST /events/{id}/reply", {"id": command_id}
        status, answer = self.insist("inbox", route, WORKER, body, parameters=path)
        if status in (200, 202):
            self.replied[command_id] = answer["id"]
        return status

    def reply(self, command_id: str, body: dict[str, Any]) -> int:
        """Replies to a command, until it is answered; returns the status."""
        for _ in range(20):
            status = self.try_to_reply(command_id, body)
            if status != 403:
                return status
            # It handles the command, but the router has not routed the command yet.
            self.now += 1
        raise Violation(f"{command_id} cannot be answered by its handler")

    def cancel_command(self, command_id: str) -> None:
        """Cancels a command, until it is answered."""
        path = "POST /commands/{id}/cancel"
        status, answer = self.insist("inbox", path, ADMIN, parameters={"id": command_id})
        if status == 200:
            self.cancelled.setdefault(command_id, self.now)
            self._show(answer)
        elif status != 409 and not (status == 404 and self.event_has_expired(command_id)):
            raise Violation(f"a cancellation was answered {status}: {answer}")

    def end_of(self, command_id: str) -> str:
        """The state of a command, as its sender sees it."""
        path = {"id": command_id}
        status, answer = self.insist("inbox", "GET /commands/{id}", ADMIN, parameters=path)
        if status == 404 and self.event_has_expired(command_id):
            return "gone"
        self._show(answer)
        return str(answer["state"])

    def replay(self, event_id: str) -> None:
        """Replays an event."""
        path = {"id": event_id}
        self.insist("recovery", "POST /events/{id}/replay", ADMIN, parameters=path)

    def _show(self, answer: dict[str, Any]) -> None:
        """Notes a final state; a client must never see another one after it."""
        if answer["state"] in _FINAL and answer["ended_at"]:
            before = self.ends.setdefault(answer["id"], answer["state"])
            if before != answer["state"]:
                raise Violation(f"{answer['id']} was {before}, and is {answer['state']}")
