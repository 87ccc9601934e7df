"""`event-bus reducers`."""

from pathlib import Path
from typing import Any

import typer
from rich.text import Text

from event_bus_client import path
from event_bus_client.cli.context import state
from event_bus_client.cli.options import LIMIT, YES, given, show, sure
from event_bus_client.cli.reading import text_of

app = typer.Typer(
    help="Reducers: the rules that compute states from the events of streams.", no_args_is_help=True
)

_SOURCE = typer.Option(None, help="The service whose streams they are, for an admin.")
_COLUMNS = ("source", "category", "version", "type", "created_at")


@app.command("list")
def list_reducers(context: typer.Context, source: str | None = _SOURCE, limit: int = LIMIT) -> None:
    """List reducers.

    Example: event-bus reducers list
    """
    show(context, state(context).bus.listing("/reducers", source=source), limit, *_COLUMNS)


@app.command("get")
def get_reducer(context: typer.Context, category: str, source: str | None = _SOURCE) -> None:
    """Show the reducer of a category.

    Example: event-bus reducers get order
    """
    known = state(context)
    query = given(source=source)
    known.output.document(known.bus.call("GET", path("/reducers/{}", category), query=query))


@app.command("versions")
def list_versions(
    context: typer.Context, category: str, source: str | None = _SOURCE, limit: int = LIMIT
) -> None:
    """List the versions of a category's reducer, the latest first.

    Example: event-bus reducers versions order
    """
    listing = state(context).bus.listing(path("/reducers/{}/versions", category), source=source)
    show(context, listing, limit, *_COLUMNS)


@app.command("set")
def set_reducer(
    context: typer.Context,
    category: str,
    file: Path | None = typer.Option(None, "--file", help="JSONata in a file; - is stdin."),
    merge: bool = typer.Option(False, "--merge", help="Merge payloads instead."),
    function: str | None = typer.Option(None, help="The ARN of a version of a Lambda function."),
    source: str | None = _SOURCE,
) -> None:
    """Register the reducer of a category.

    Example: event-bus reducers set order --file order.jsonata
    """
    if [file is not None, merge, function is not None].count(True) != 1:
        raise typer.BadParameter("give --file, --merge or --function, one of the three")
    body: dict[str, Any] = {"type": "merge"}
    if file is not None:
        body = {"type": "jsonata", "expression": text_of(file).strip()}
    if function is not None:
        body = {"type": "lambda", "function": function}
    known = state(context)
    version = known.bus.call(
        "PUT", path("/reducers/{}", category), query=given(source=source), body=body
    )
    known.output.show(Text(f"{category} has version {version['version']}", "green"), version)


@app.command("remove")
def remove_reducer(
    context: typer.Context, category: str, source: str | None = _SOURCE, yes: bool = YES
) -> None:
    """Remove the reducer of a category, so that payloads are merged.

    Example: event-bus reducers remove order
    """
    sure(f"Remove the reducer of {category}?", yes)
    known = state(context)
    known.bus.call("DELETE", path("/reducers/{}", category), query=given(source=source))
    known.output.line(f"removed the reducer of {category}", "green")
