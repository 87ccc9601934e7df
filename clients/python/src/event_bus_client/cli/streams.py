"""`event-bus streams`."""

from pathlib import Path

import typer
from rich.text import Text

from event_bus_client.cli.context import state
from event_bus_client.cli.options import LIMIT, YES, given, moment, show, sure
from event_bus_client.cli.reading import json_value, text_of
from event_bus_client.publishing import new_id

app = typer.Typer(help="Event streams: events in their order.", no_args_is_help=True)

_SOURCE = typer.Option(None, help="The service whose streams they are, for an admin.")


@app.command("list")
def list_streams(
    context: typer.Context,
    category: str | None = typer.Option(None, help="Only those of a category."),
    prefix: str | None = typer.Option(None, help="Only those whose ids begin so."),
    source: str | None = _SOURCE,
    limit: int = LIMIT,
) -> None:
    """List the streams of a service.

    Example: event-bus streams list --category task
    """
    query = given(category=category, prefix=prefix, source=source)
    listing = state(context).bus.listing("/streams", **query)
    show(context, listing, limit, "stream_id", "source", "first_at", "truncate_before")


@app.command("head")
def stream_head(context: typer.Context, stream_id: str, source: str | None = _SOURCE) -> None:
    """Show a stream as a whole: its version, its first and its last event.

    Example: event-bus streams head task/task_123
    """
    known = state(context)
    query = given(stream_id=stream_id, source=source)
    known.output.document(known.bus.call("GET", "/streams/head", query=query))


@app.command("events")
def stream_events(
    context: typer.Context,
    stream_id: str,
    source: str | None = _SOURCE,
    from_version: int | None = typer.Option(None, min=1, help="The first version to show."),
    backward: bool = typer.Option(False, "--backward", help="The latest one first."),
    limit: int = LIMIT,
) -> None:
    """Show the events of a stream in the order of their versions.

    Example: event-bus streams events task/task_123
    """
    listing = state(context).bus.listing(
        "/streams/events",
        stream_id=stream_id,
        source=source,
        from_version=from_version,
        direction="backward" if backward else None,
        limit=min(limit, 100),
    )
    show(context, listing, limit, "version", "event.timestamp", "event.type", "event.id")


@app.command("state")
def stream_state(
    context: typer.Context,
    stream_id: str,
    source: str | None = _SOURCE,
    at_version: int | None = typer.Option(None, min=1, help="As it was at this version."),
    at_time: str | None = typer.Option(
        None, help="As it was at this time: RFC 3339, or 15m, 2h, 7d ago."
    ),
) -> None:
    """Show the state that the events of a stream add up to.

    Example: event-bus streams state task/task_123 --at-version 7
    """
    known = state(context)
    query = given(
        stream_id=stream_id, source=source, at_version=at_version, at_time=moment(at_time)
    )
    known.output.document(known.bus.call("GET", "/streams/state", query=query))


@app.command("append")
def append_events(
    context: typer.Context,
    stream_id: str,
    file: Path = typer.Argument(..., help="A JSON array of events in a file; - is stdin."),
    expected: str | None = typer.Option(
        None, help="The version that the stream must have, or none, or exists."
    ),
    source: str | None = _SOURCE,
) -> None:
    """Append events to a stream: all of them or none.

    Example: event-bus streams append task/task_123 events.json --expected 7
    """
    events = json_value(text_of(file), str(file))
    if not isinstance(events, list) or not all(isinstance(each, dict) for each in events):
        raise typer.BadParameter(f"{file} must hold a JSON array of events")
    version = int(expected) if expected is not None and expected.isdecimal() else expected
    body = {
        "stream_id": stream_id,
        # Ids of their own: a repetition of the request appends nothing twice.
        "events": [{"id": new_id(), **each} for each in events],
        **given(source=source, expected_version=version),
    }
    known = state(context)
    answer = known.bus.call("POST", "/streams/events", body=body)
    known.output.show(Text(f"{stream_id} has version {answer['version']}", "green"), answer)


@app.command("truncate")
def truncate_stream(
    context: typer.Context,
    stream_id: str,
    before: int = typer.Option(..., min=1, help="The first version that stays visible."),
    source: str | None = _SOURCE,
    yes: bool = YES,
) -> None:
    """Hide the events of a stream before a version.

    Example: event-bus streams truncate task/task_123 --before 7
    """
    sure(f"Hide the events of {stream_id} before version {before}?", yes)
    known = state(context)
    query = given(stream_id=stream_id, source=source)
    body = {"truncate_before": before}
    known.output.document(known.bus.call("PATCH", "/streams", query=query, body=body))


@app.command("delete")
def delete_stream(
    context: typer.Context, stream_id: str, source: str | None = _SOURCE, yes: bool = YES
) -> None:
    """Delete a stream: it takes no more events, and its events are hidden.

    Example: event-bus streams delete task/task_123
    """
    sure(f"Delete {stream_id}? This cannot be undone.", yes)
    known = state(context)
    known.bus.call("DELETE", "/streams", query=given(stream_id=stream_id, source=source))
    known.output.line(f"deleted {stream_id}", "green")
