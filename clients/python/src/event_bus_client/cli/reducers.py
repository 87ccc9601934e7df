"""`event-bus reducers`."""

from pathlib import Path

import typer
from rich.text import Text

from event_bus_client.cli.context import state
from event_bus_client.cli.groups import Group
from event_bus_client.cli.options import LIMIT, SOURCE, YES, Category, show, sure
from event_bus_client.cli.reading import text_of

app = typer.Typer(
    cls=Group,
    help="Reducers: the rules that compute states from the events of streams.",
    no_args_is_help=True,
)

_COLUMNS = ("source", "category", "version", "type", "created_at")


@app.command("list")
def list_reducers(context: typer.Context, source: str | None = SOURCE, limit: int = LIMIT) -> None:
    """List reducers.

    Example: event-bus reducers list
    """
    show(context, state(context).bus.reducers.list(source=source), limit, *_COLUMNS)


@app.command("get")
def get_reducer(context: typer.Context, category: Category, source: str | None = SOURCE) -> None:
    """Show the reducer of a category.

    Example: event-bus reducers get order
    """
    known = state(context)
    known.output.document(known.bus.reducers.get(category, source=source))


@app.command("versions")
def list_versions(
    context: typer.Context, category: Category, source: str | None = SOURCE, limit: int = LIMIT
) -> None:
    """List the versions of a category's reducer, the latest first.

    Example: event-bus reducers versions order
    """
    listing = state(context).bus.reducers.versions(category, source=source)
    show(context, listing, limit, *_COLUMNS)


@app.command("set")
def set_reducer(
    context: typer.Context,
    category: Category,
    file: Path | None = typer.Option(None, "--file", help="JSONata in a file; - is stdin."),
    merge: bool = typer.Option(False, "--merge", help="Merge payloads instead."),
    function: str | None = typer.Option(None, help="The ARN of a version of a Lambda function."),
    role_arn: str | None = typer.Option(
        None, help="The role with which the bus calls the function, such as one of another account."
    ),
    source: str | None = SOURCE,
) -> None:
    """Register the reducer of a category.

    Example: event-bus reducers set order --file order.jsonata
    """
    if [file is not None, merge, function is not None].count(True) != 1:
        raise typer.BadParameter("give --file, --merge or --function, one of the three")
    if role_arn is not None and function is None:
        raise typer.BadParameter("--role-arn needs --function")
    known = state(context)
    reducer = known.bus.reducers.put(
        category,
        expression=None if file is None else text_of(file).strip(),
        function=function,
        role_arn=role_arn,
        source=source,
    )
    known.output.show(Text(f"{category} has version {reducer.version}", "green"), reducer)


@app.command("remove")
def remove_reducer(
    context: typer.Context, category: Category, source: str | None = SOURCE, yes: bool = YES
) -> None:
    """Remove the reducer of a category, so that payloads are merged.

    Example: event-bus reducers remove order
    """
    sure(f"Remove the reducer of {category}?", yes)
    known = state(context)
    known.bus.reducers.delete(category, source=source)
    known.output.line(f"removed the reducer of {category}", "green")
