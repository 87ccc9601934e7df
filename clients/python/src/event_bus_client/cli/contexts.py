"""`event-bus contexts`."""

import sys

import typer

from event_bus_client.cli.context import state
from event_bus_client.cli.groups import Group
from event_bus_client.cli.options import LIMIT, YES, ContextKey, ContextName, show, sure
from event_bus_client.cli.reading import json_value

app = typer.Typer(
    cls=Group, help="Contexts: data that enrichments add to events.", no_args_is_help=True
)

_SERVICE = typer.Option(None, "--service", help="The service whose context it is, for an admin.")


@app.command("list")
def list_entries(
    context: typer.Context, name: ContextName, service_id: str | None = _SERVICE, limit: int = LIMIT
) -> None:
    """List the entries of a context, without their values.

    Example: event-bus contexts list customers
    """
    listing = state(context).bus.contexts.list(name, service_id=service_id)
    show(context, listing, limit, "key", "version", "updated_at")


@app.command("get")
def get_entry(
    context: typer.Context, name: ContextName, key: ContextKey, service_id: str | None = _SERVICE
) -> None:
    """Show an entry of a context.

    Example: event-bus contexts get customers ada
    """
    known = state(context)
    known.output.document(known.bus.contexts.get(name, key, service_id=service_id))


@app.command("put")
def put_entry(
    context: typer.Context,
    name: ContextName,
    key: ContextKey,
    value: str = typer.Argument(..., help="The value as JSON; - reads it from stdin."),
    expected_version: int | None = typer.Option(
        None, min=0, help="The version that the entry must have; 0 for a new one."
    ),
    service_id: str | None = _SERVICE,
) -> None:
    """Write an entry of a context.

    Example: event-bus contexts put customers ada '{"name": "Ada"}'
    """
    text = sys.stdin.read() if value == "-" else value
    wanted = json_value(text, "the value")
    known = state(context)
    entry = known.bus.contexts.put(
        name, key, wanted, expected_version=expected_version, service_id=service_id
    )
    known.output.document(entry)


@app.command("delete")
def delete_entry(
    context: typer.Context,
    name: ContextName,
    key: ContextKey,
    service_id: str | None = _SERVICE,
    yes: bool = YES,
) -> None:
    """Remove an entry of a context.

    Example: event-bus contexts delete customers ada
    """
    sure(f"Remove {key} from {name}?", yes)
    known = state(context)
    known.bus.contexts.delete(name, key, service_id=service_id)
    known.output.line(f"removed {key}", "green")
