"""`event-bus schemas`."""

from pathlib import Path

import typer
from rich.text import Text

from event_bus_client.cli.context import state
from event_bus_client.cli.groups import Group
from event_bus_client.cli.options import LIMIT, YES, EventType, SchemaVersion, given, show, sure
from event_bus_client.cli.reading import json_object, json_value, text_of

app = typer.Typer(cls=Group, help="The schemas of event types.", no_args_is_help=True)


@app.command("list")
def list_schemas(context: typer.Context, limit: int = LIMIT) -> None:
    """List the types that have schemas.

    Example: event-bus schemas list
    """
    columns = ("type", "owner", "latest_version", "compatibility", "validation")
    show(context, state(context).bus.schemas.list(), limit, *columns)


@app.command("get")
def get_schema(
    context: typer.Context,
    event_type: EventType,
    version: str = typer.Option("latest", help="The number of a version."),
) -> None:
    """Show a version of a type's schema.

    Example: event-bus schemas get order.placed --version 2
    """
    known = state(context)
    known.output.document(known.bus.schemas.get(event_type, version))


@app.command("versions")
def list_versions(context: typer.Context, event_type: EventType, limit: int = LIMIT) -> None:
    """List the versions of a type's schema.

    Example: event-bus schemas versions order.placed
    """
    listing = state(context).bus.schemas.versions(event_type)
    show(context, listing, limit, "version", "created_by", "created_at")


@app.command("register")
def register_schema(
    context: typer.Context,
    event_type: EventType,
    file: Path = typer.Argument(..., help="The JSON Schema in a file; - is stdin."),
    example: Path | None = typer.Option(None, help="A payload in a file that the schema accepts."),
    upcast: str | None = typer.Option(
        None, help="JSONata that makes this version from the one before."
    ),
) -> None:
    """Register a version of a type's schema.

    Example: event-bus schemas register order.placed order-placed.json
    """
    schema = json_value(text_of(file), str(file))
    payload = None if example is None else json_object(text_of(example), str(example))
    known = state(context)
    version = known.bus.schemas.register(event_type, schema, example=payload, upcast=upcast)
    known.output.show(Text(f"{event_type} has version {version['version']}", "green"), version)


@app.command("set")
def set_schema(
    context: typer.Context,
    event_type: EventType,
    validation: str | None = typer.Option(None, help="off, warn or enforce."),
    compatibility: str | None = typer.Option(
        None, help="none, backward, forward or full, or one of the last three with _transitive."
    ),
    description: str | None = typer.Option(None, help="What the event says."),
) -> None:
    """Change how the bus uses a type's schema.

    Example: event-bus schemas set order.placed --validation enforce
    """
    body = given(validation=validation, compatibility=compatibility, description=description)
    if not body:
        raise typer.BadParameter("say what to change, such as --validation enforce")
    known = state(context)
    known.output.document(known.bus.schemas.update(event_type, **body))


@app.command("delete")
def delete_version(
    context: typer.Context, event_type: EventType, version: SchemaVersion, yes: bool = YES
) -> None:
    """Delete a version of a type's schema. Its number is not used again.

    Example: event-bus schemas delete order.placed 1
    """
    sure(f"Delete version {version} of {event_type}?", yes)
    known = state(context)
    known.bus.schemas.delete(event_type, version)
    known.output.line(f"deleted version {version} of {event_type}", "green")


@app.command("draft")
def draft_schemas(
    context: typer.Context,
    event_type: str | None = typer.Option(None, "--type", help="A type or a pattern."),
) -> None:
    """Draft schemas for types that have none, from their newest events.

    Example: event-bus schemas draft --type 'order.*'
    """
    known = state(context)
    drafts = known.bus.schemas.drafts(event_type)
    if known.as_json:
        for each in drafts:
            known.output.item(each)
    else:
        known.output.document(drafts)


@app.command("catalogue")
def catalogue(context: typer.Context, limit: int = LIMIT) -> None:
    """List the event types of the bus, with or without a schema.

    Example: event-bus schemas catalogue
    """
    columns = ("type", "owner", "latest_version", "publishers", "subscriptions", "description")
    show(context, state(context).bus.event_types.list(), limit, *columns)
