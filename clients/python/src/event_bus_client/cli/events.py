"""`event-bus publish` and `event-bus events`."""

import json
import sys
from typing import Any

import typer

from event_bus_client.cli.context import state

app = typer.Typer(help="Read events back, follow them, and listen.", no_args_is_help=True)

_COLUMNS = ("timestamp", "id", "type", "source", "processed")


def publish(
    context: typer.Context,
    event_type: str = typer.Argument(..., metavar="TYPE", help="The event's type."),
    payload: str = typer.Argument("{}", help="The payload as JSON; - reads it from stdin."),
    event_id: str | None = typer.Option(None, "--id", help="The event's id."),
    metadata: list[str] = typer.Option(
        [], "--metadata", "-m", help="A member of the metadata as name=value; may be repeated."
    ),
) -> None:
    """Publish one event.

    Example: event-bus publish order.placed '{"total": 250}' -m correlation_id=cart-7
    """
    given = state(context)
    receipt = given.bus.publish(
        event_type,
        _object(sys.stdin.read() if payload == "-" else payload),
        id=event_id,
        metadata=dict(_pair(each) for each in metadata),
    )
    if given.as_json:
        given.output.document(receipt)
    else:
        given.output.line(f"stored {receipt.id}", "green")


@app.command("list")
def list_events(
    context: typer.Context,
    event_type: str | None = typer.Option(None, "--type", help="A type or a pattern."),
    source: str | None = typer.Option(None, help="The service that published them."),
    correlation_id: str | None = typer.Option(None, help="Their correlation id."),
    since: str | None = typer.Option(None, help="The earliest timestamp (RFC 3339)."),
    limit: int = typer.Option(20, min=1, max=10_000, help="How many to show."),
) -> None:
    """List events, the newest first.

    Example: event-bus events list --type 'order.*' --limit 5
    """
    given = state(context)
    listing = given.bus.events.list(
        type=event_type,
        source=source,
        correlation_id=correlation_id,
        since=since,
        limit=min(limit, 100),
    )
    given.output.rows((each for each, _ in zip(listing, range(limit), strict=False)), _COLUMNS)


@app.command("get")
def get_event(context: typer.Context, event_id: str) -> None:
    """Show one event with its deliveries."""
    given = state(context)
    given.output.document(given.bus.events.get(event_id))


@app.command("trace")
def trace_event(context: typer.Context, event_id: str) -> None:
    """Show what an event caused: the events of its flow and their deliveries."""
    given = state(context)
    given.output.document(given.bus.events.trace(event_id))


@app.command("tail")
def tail_events(
    context: typer.Context,
    event_types: list[str] = typer.Argument(..., help="Types or patterns, such as 'order.*'."),
) -> None:
    """Print events as they are published, until you interrupt it.

    Example: event-bus events tail 'order.*'
    """
    given = state(context)
    for event in given.bus.listen(*event_types):
        if given.as_json:
            given.output.document(event)
        else:
            payload = json.dumps(event.payload, ensure_ascii=False)
            given.output.line(f"{event.timestamp:%H:%M:%S} {event.type} {event.id} {payload}")


def _object(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"the payload is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise typer.BadParameter("the payload must be a JSON object")
    return document


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"--metadata takes name=value, not {text!r}")
    return name, value
