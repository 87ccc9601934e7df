"""`event-bus read-models` and `event-bus states`."""

import typer
from rich.text import Text

from event_bus_client.cli.context import state
from event_bus_client.cli.groups import Group
from event_bus_client.cli.options import LIMIT, SOURCE, YES, Category, show, sure
from event_bus_client.states import ReadModel

app = typer.Typer(cls=Group, help="Tables of the states of streams.", no_args_is_help=True)

_PARAMETERS = ("source", "limit", "cursor")


@app.command("list")
def list_read_models(
    context: typer.Context, source: str | None = SOURCE, limit: int = LIMIT
) -> None:
    """List read models.

    Example: event-bus read-models list
    """
    listing = state(context).bus.read_models.list(source=source)
    show(context, listing, limit, "source", "category", "serving.indexes", "serving.built_at")


@app.command("get")
def get_read_model(context: typer.Context, category: Category, source: str | None = SOURCE) -> None:
    """Show a read model: whether it is built, and how far it is behind.

    Example: event-bus read-models get task
    """
    known = state(context)
    known.output.document(known.bus.read_models.get(category, source=source))


@app.command("put")
def put_read_model(
    context: typer.Context,
    category: Category,
    index: list[str] = typer.Option(
        [], help="A member of the states to find them by; may be given twice."
    ),
    source: str | None = SOURCE,
) -> None:
    """Keep the states of a category in a table. A change of the indexes rebuilds it.

    Example: event-bus read-models put task --index status --index assignee
    """
    known = state(context)
    model = known.bus.read_models.put(category, index, source=source)
    known.output.show(Text(_told(model), "green"), model)


@app.command("rebuild")
def rebuild_read_model(
    context: typer.Context, category: Category, source: str | None = SOURCE
) -> None:
    """Rebuild a read model with the current reducer. Reads return the old states until it is built.

    Example: event-bus read-models rebuild task
    """
    known = state(context)
    model = known.bus.read_models.rebuild(category, source=source)
    known.output.show(Text(_told(model), "green"), model)


@app.command("delete")
def delete_read_model(
    context: typer.Context, category: Category, source: str | None = SOURCE, yes: bool = YES
) -> None:
    """Remove a read model with its states. The streams stay.

    Example: event-bus read-models delete task
    """
    sure(f"Remove the read model of {category}?", yes)
    known = state(context)
    known.bus.read_models.delete(category, source=source)
    known.output.line(f"removed the read model of {category}", "green")


def states(
    context: typer.Context,
    category: Category,
    values: list[str] = typer.Argument(
        None, metavar="[NAME=VALUE]...", help="The values of indexed members."
    ),
    source: str | None = SOURCE,
    limit: int = LIMIT,
) -> None:
    """List the states of a read model.

    Example: event-bus states task status=in_progress
    """
    where = dict(map(_member, values or []))
    listing = state(context).bus.read_models.states(category, where, source=source)
    show(context, listing, limit, "stream_id", "version", "updated_at", "state")


def _member(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals) or name in _PARAMETERS:
        raise typer.BadParameter(f"{text!r} must be the name of a member, = and its value")
    return name, value


def _told(model: ReadModel) -> str:
    progress = "is being built" if model.building else "is built"
    return f"the read model of {model.category} {progress}"
