"""Commands and their replies, without the network."""

from datetime import datetime, timezone
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from event_bus_client.errors import EventBusError
from event_bus_client.models import Event
from event_bus_client.times import Time


class Command(BaseModel):
    """A command with its state and replies.

    Attributes:
        id: Its id, which is that of its event.
        type: Its type.
        source: The service that sent it.
        state: `accepted`, `delivered`, `succeeded`, `failed`, `expired` or `cancelled`.
        deadline: When it expires; None for never.
        expected_replies: How many replies end it.
        routed: Whether it was routed.
        handler: The `subscription_id` and the `service_id` of its handler; None if there is none.
        created_at: When the bus stored it.
        delivered_at: When its delivery first succeeded.
        ended_at: When it ended; None if it has not.
        cancelled_by: The service that cancelled it, or `admin`; None if nobody did.
        reply: The first reply that the key may see.
        replies: All replies, each with its service and status.
        late_replies: The first replies that came too late, each with its service and time.
        error: Why it failed, expired or was cancelled.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    type: str
    source: str | None = None
    state: str
    deadline: Time | None = None
    expected_replies: int | None = None
    routed: bool | None = None
    handler: dict[str, str] | None = None
    created_at: Time | None = None
    delivered_at: Time | None = None
    ended_at: Time | None = None
    cancelled_by: str | None = None
    reply: Event | None = None
    replies: list[dict[str, Any]] = Field(default_factory=list)
    late_replies: list[dict[str, Any]] = Field(default_factory=list)
    error: Any = None

    @property
    def ended(self) -> bool:
        """Whether its state is final.

        A command whose delivery was given up has failed, but has not ended: its handler may still
        act if the dead letter is retried. It ends by a reply, its deadline or a cancellation.
        """
        return self.ended_at is not None

    def seconds_left(self, otherwise: float) -> float:
        """Returns how long it may take until its deadline, in seconds; 0 after it.

        Args:
            otherwise: What to return if it has no deadline.
        """
        if self.deadline is None:
            return otherwise
        return max(0.0, (self.deadline - datetime.now(timezone.utc)).total_seconds())


class CommandFailed(EventBusError):
    """A command failed, expired or was cancelled.

    Attributes:
        command: The command, with its `state` and `error`.
    """

    def __init__(self, command: Command) -> None:
        error = command.error if isinstance(command.error, dict) else {}
        reason = ": ".join(str(error[name]) for name in ("title", "detail") if error.get(name))
        super().__init__(f"{command.type} {command.id} {command.state}{reason and f': {reason}'}")
        self.command = command


class CommandNotEnded(CommandFailed):
    """The bus has not ended a command in time, although its deadline has passed.

    Its handler may still act. Ask for its state later by `commands.get`.
    """

    def __init__(self, command: Command) -> None:
        super().__init__(command)
        self.args = (
            f"The bus has not ended {command.type} {command.id} in time; its state is "
            f"{command.state!r}, and its handler may still act.",
        )


def ended_reply(command: Command) -> Event:
    """Returns the reply of a command that has ended.

    Raises:
        CommandFailed: It has not succeeded.
    """
    if command.state != "succeeded" or command.reply is None:
        raise CommandFailed(command)
    return command.reply
