"""`event-bus publish` and `event-bus events`."""

import json
import sys
from typing import Any

import typer
from rich.text import Text
from rich.tree import Tree

from event_bus_client.cli.context import state
from event_bus_client.cli.groups import Group
from event_bus_client.cli.options import EventId, counted, moment, show
from event_bus_client.cli.reading import json_object
from event_bus_client.times import rfc3339

app = typer.Typer(cls=Group, help="Read events back, and follow them.", no_args_is_help=True)

_STYLES = {"delivered": "green", "dropped": "yellow", "dead": "red", "exhausted": "red"}


def publish(
    context: typer.Context,
    event_type: str = typer.Argument(..., metavar="TYPE", help="The event's type."),
    payload: str = typer.Argument("{}", help="The payload as JSON; - reads it from stdin."),
    event_id: str | None = typer.Option(None, "--id", help="The event's id."),
    source: str | None = typer.Option(None, help="The service that publishes it; for admins."),
    metadata: list[str] = typer.Option(
        [], "--metadata", "-m", help="A member of the metadata as name=value; may be repeated."
    ),
) -> None:
    """Publish one event.

    Example: event-bus publish order.placed '{"total": 250}' -m correlation_id=cart-7
    """
    known = state(context)
    receipt = known.bus.publish(
        event_type,
        json_object(sys.stdin.read() if payload == "-" else payload, "the payload"),
        id=event_id,
        source=source,
        metadata=dict(_pair(each) for each in metadata),
    )
    known.output.show(Text(f"stored {receipt.id}", "green"), receipt)


@app.command("list")
def list_events(
    context: typer.Context,
    event_type: str | None = typer.Option(None, "--type", help="A type or a pattern."),
    source: str | None = typer.Option(None, help="The service that published them."),
    correlation_id: str | None = typer.Option(None, help="Their correlation id."),
    since: str | None = typer.Option(None, help="The earliest time: RFC 3339, or 15m, 2h, 7d ago."),
    until: str | None = typer.Option(
        None, help="The time before which they were published, in the same form."
    ),
    limit: int = typer.Option(20, min=1, max=10_000, help="How many to show."),
) -> None:
    """List events, the newest first.

    Example: event-bus events list --type 'order.*' --since 2h --limit 5
    """
    listing = state(context).bus.events.list(
        type=event_type,
        source=source,
        correlation_id=correlation_id,
        since=moment(since),
        until=moment(until),
        limit=min(limit, 100),
    )
    show(context, listing, limit, "timestamp", "id", "type", "source", "processed")


@app.command("get")
def get_event(context: typer.Context, event_id: EventId) -> None:
    """Show one event with its deliveries.

    Example: event-bus events get order-1
    """
    known = state(context)
    known.output.document(known.bus.events.get(event_id))


@app.command("trace")
def trace_event(context: typer.Context, event_id: EventId) -> None:
    """Show what led to an event and what it led to, with the deliveries of each.

    Example: event-bus events trace order-1
    """
    known = state(context)
    flow = known.bus.events.trace(event_id)
    known.output.show(_tree(flow), flow)


@app.command("tail")
def tail_events(
    context: typer.Context,
    event_types: list[str] = typer.Argument(..., help="Types or patterns, such as 'order.*'."),
) -> None:
    """Print events as they are published, until you interrupt it.

    Example: event-bus events tail 'order.*'
    """
    known = state(context)
    for event in known.bus.listen(*event_types):
        payload = json.dumps(event.payload, ensure_ascii=False)
        line = f"{rfc3339(event.timestamp)} {event.type} {event.id} {payload}"
        known.output.show(Text(line, overflow="fold"), event)


def _tree(flow: dict[str, Any]) -> Tree:
    """Returns the events of a flow, each below the event that caused it."""
    root = Tree(Text("flow" if flow["complete"] else "flow, incomplete", "dim"))
    branches: dict[str | None, Tree] = {}
    for event in flow["events"]:
        above = branches.get(event["cause"], root)
        said = Text.assemble((event["type"], "bold"), f" {event['id']} from {event['source']}")
        branch = branches[event["id"]] = above.add(said)
        for delivery in event["deliveries"]:
            status = str(delivery["status"])
            branch.add(
                Text.assemble(
                    f"→ {delivery['service_id']} ",
                    (status, _STYLES.get(status, "")),
                    f" after {counted(len(delivery['attempts']), 'attempt')}",
                )
            )
    return root


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"--metadata takes name=value, not {text!r}")
    return name, value
