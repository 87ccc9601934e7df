"""Commands: events that ask one service to act, and its reply."""

import time
from datetime import datetime, timedelta, timezone
from typing import Any

from anyio import sleep
from pydantic import BaseModel

from event_bus_client._async.transport import AsyncTransport
from event_bus_client.calls import Call, creating, path
from event_bus_client.commands import Command, CommandNotEnded, ended_reply
from event_bus_client.durations import checked
from event_bus_client.event_types import new_event
from event_bus_client.models import Event
from event_bus_client.publishing import prepared
from event_bus_client.times import rfc3339

_WAIT_SECONDS = 20
"""How long one request of `request` waits for the end, in seconds; the bus takes up to 25."""

_PAUSE_SECONDS = 1.0
"""The least time between two requests for the same command, in seconds."""

_MARGIN_SECONDS = 30.0
"""How long `request` waits after the command's deadline for a bus that does not end it."""


class AsyncCommands:
    """Sends commands, waits for them, replies to them and cancels them.

    Example:
        ```python
        reply = await bus.commands.request("command.generate_code", {"requirement": "r-1"})
        print(reply.payload)
        ```
    """

    def __init__(self, transport: AsyncTransport) -> None:
        """Uses a transport."""
        self._transport = transport

    async def send(
        self,
        what: str | BaseModel,
        payload: dict[str, Any] | None = None,
        *,
        require_handler: bool = True,
        wait_seconds: int = 0,
        **members: Any,
    ) -> Command:
        """Sends a command.

        The client generates its id, so that its retries never send it twice.

        Args:
            what: The command's type, or its payload as a model declared by `event_type`.
            payload: The payload, if `what` is a type.
            require_handler: Whether the bus refuses it if no service handles the type.
            wait_seconds: How long to wait for its end, 0 to 25.
            members: Further members of the event, as for `publish`. The command expires at the
                `deadline` in `metadata`.

        Raises:
            Conflict: No service handles the type.
        """
        event = prepared(new_event(what, payload, **members))
        checked("wait_seconds", wait_seconds, zero=True)
        query = {"wait": wait_seconds, "require_handler": require_handler}
        call = Call("POST", "/commands", query=query, body=event, timeout=wait_seconds + 15)
        return await self._transport.read(call, Command.model_validate)

    async def request(
        self,
        what: str | BaseModel,
        payload: dict[str, Any] | None = None,
        *,
        timeout: float = 60,
        metadata: dict[str, Any] | None = None,
        **members: Any,
    ) -> Event:
        """Sends a command, and waits for its reply.

        Args:
            what: The command's type, or its payload as a model declared by `event_type`.
            payload: The payload, if `what` is a type.
            timeout: After how many seconds the command expires, unless `metadata` has a deadline.
                The client stops waiting 30 s later.
            metadata: Its metadata.
            members: Further members of the event.

        Returns:
            The reply.

        Raises:
            ConfigurationError: The timeout is negative, not a number or endless.
            CommandFailed: It failed, expired or was cancelled; `command` says how.
            CommandNotEnded: The bus has not ended it in time; it may still be handled.
            Conflict: No service handles the type.
        """
        checked("timeout", timeout, zero=True)
        deadline = datetime.now(timezone.utc) + timedelta(seconds=timeout)
        given = {"deadline": rfc3339(deadline), **(metadata or {})}
        command = await self.send(
            what, payload, metadata=given, wait_seconds=_wait(timeout), **members
        )
        end = time.monotonic() + _MARGIN_SECONDS + command.seconds_left(timeout)
        while not command.ended:
            asked_at = time.monotonic()
            if asked_at > end:
                raise CommandNotEnded(command)
            command = await self.get(command.id, wait_seconds=_wait(end - asked_at))
            if not command.ended:
                # A bus that does not wait must not be asked again and again.
                await sleep(max(0.0, asked_at + _PAUSE_SECONDS - time.monotonic()))
        return ended_reply(command)

    async def get(self, command_id: str, *, wait_seconds: int = 0) -> Command:
        """Reads a command.

        Args:
            command_id: Its id.
            wait_seconds: How long to wait for its end, 0 to 25.

        Raises:
            NotFound: There is none, or none that the key may see.
        """
        checked("wait_seconds", wait_seconds, zero=True)
        call = Call(
            "GET",
            path("/commands/{}", command_id),
            query={"wait": wait_seconds},
            timeout=wait_seconds + 15,
        )
        return await self._transport.read(call, Command.model_validate)

    async def cancel(self, command_id: str) -> Command:
        """Cancels a command that has not ended.

        Raises:
            Conflict: It has ended.
        """
        return await self._transport.read(
            creating(path("/commands/{}/cancel", command_id)), Command.model_validate
        )

    async def reply(
        self,
        command_id: str,
        payload: dict[str, Any] | BaseModel | None = None,
        *,
        error: str | dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Replies to a command that your service handles.

        Args:
            command_id: The id of the event that your service received.
            payload: The reply.
            error: Why the command failed, instead of a payload: a title, or problem details
                (RFC 9457).

        Raises:
            Conflict: The command has ended, or your service has replied differently.
        """
        body: dict[str, Any] = {}
        if error is not None:
            body = {"error": {"title": error} if isinstance(error, str) else error}
        if payload is not None:
            shown = payload.model_dump(mode="json") if isinstance(payload, BaseModel) else payload
            body = {"payload": shown}
        answer: dict[str, Any] = await self._transport.send(
            Call("POST", path("/events/{}/reply", command_id), body=body)
        )
        return answer


def _wait(timeout: float) -> int:
    return max(0, min(_WAIT_SECONDS, int(timeout)))
