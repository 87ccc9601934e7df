"""`event-bus commands`."""

import sys
from datetime import datetime, timedelta, timezone
from typing import Any

import typer
from rich.text import Text

from event_bus_client import path
from event_bus_client.cli.context import State, state
from event_bus_client.cli.exits import Ended, Exit
from event_bus_client.cli.groups import Group
from event_bus_client.cli.options import YES, CommandId, given, sure
from event_bus_client.cli.reading import json_object
from event_bus_client.publishing import new_id
from event_bus_client.times import rfc3339

app = typer.Typer(
    cls=Group, help="Commands: events that one service carries out.", no_args_is_help=True
)

_WAIT = typer.Option(25, min=0, max=25, help="How many seconds to wait for the end.")
_STYLES = {"succeeded": "green", "failed": "red", "expired": "red", "cancelled": "yellow"}


@app.command("send")
def send_command(
    context: typer.Context,
    command_type: str = typer.Argument(..., metavar="TYPE", help="Its type: command.*"),
    payload: str = typer.Argument("{}", help="The payload as JSON; - reads it from stdin."),
    command_id: str | None = typer.Option(None, "--id", help="Its id."),
    source: str | None = typer.Option(None, help="The service that publishes it; for admins."),
    deadline: int | None = typer.Option(
        None, min=1, help="After how many seconds it expires without a reply."
    ),
    require_handler: bool = typer.Option(
        False, "--require-handler", help="Refuse a command that no subscription handles."
    ),
    wait: int = _WAIT,
) -> None:
    """Send a command, and wait for its reply.

    The exit code is 1 if the command failed, expired or was cancelled.

    Example: event-bus commands send command.generate_code '{"requirement": "req-7"}'
    """
    text = sys.stdin.read() if payload == "-" else payload
    ends = None if deadline is None else datetime.now(timezone.utc) + timedelta(seconds=deadline)
    metadata = given(deadline=ends and rfc3339(ends))
    body = {
        # Its own id: a repetition of the request finds the same command.
        "id": command_id or new_id(),
        "type": command_type,
        "payload": json_object(text, "the payload"),
        **given(source=source, metadata=metadata or None),
    }
    known = state(context)
    query = {"wait": wait, "require_handler": True if require_handler else None}
    _show(known, known.bus.call("POST", "/commands", query=query, body=body))


@app.command("get")
def get_command(context: typer.Context, command_id: CommandId, wait: int = _WAIT) -> None:
    """Show the state of a command and its replies, and wait for its end.

    The exit code is 1 if the command failed, expired or was cancelled.

    Example: event-bus commands get analyst:generate-7 --wait 0
    """
    known = state(context)
    route = path("/commands/{}", command_id)
    _show(known, known.bus.call("GET", route, query={"wait": wait}))


@app.command("cancel")
def cancel_command(context: typer.Context, command_id: CommandId, yes: bool = YES) -> None:
    """Cancel a command that has not ended, so that its handler does not receive it later.

    Example: event-bus commands cancel analyst:generate-7
    """
    sure(f"Cancel {command_id}?", yes)
    known = state(context)
    cancelled = known.bus.call("POST", path("/commands/{}/cancel", command_id))
    known.output.show(_drawn(cancelled), cancelled)


def _show(known: State, command: dict[str, Any]) -> None:
    known.output.show(_drawn(command), command)
    if command["state"] in ("failed", "expired", "cancelled"):
        raise Ended(Exit.FAILED)


def _drawn(command: dict[str, Any]) -> Text:
    said = Text.assemble(f"{command['id']} ", (command["state"], _STYLES.get(command["state"], "")))
    if command["handler"]:
        said.append(f", handled by {command['handler']['service_id']}")
    if command["error"]:
        said.append(
            f"\n  {command['error'].get('title', '')}: {command['error'].get('detail', '')}"
        )
    for reply in command["replies"]:
        said.append(f"\n  {reply['service_id']} {reply['status']}")
        if reply["event"]:
            said.append(f" {reply['event']['payload']}", "dim")
    return said
