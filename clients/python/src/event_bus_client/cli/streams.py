"""`event-bus streams`."""

from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError
from rich.text import Text

from event_bus_client._sync.streams import ExpectedVersion
from event_bus_client.cli.context import state
from event_bus_client.cli.groups import Group
from event_bus_client.cli.options import LIMIT, SOURCE, YES, StreamId, moment, show, sure
from event_bus_client.cli.reading import json_value, text_of
from event_bus_client.models import NewEvent

app = typer.Typer(cls=Group, help="Event streams: events in their order.", no_args_is_help=True)


@app.command("list")
def list_streams(
    context: typer.Context,
    category: str | None = typer.Option(None, help="Only those of a category."),
    prefix: str | None = typer.Option(None, help="Only those whose ids begin with this."),
    source: str | None = SOURCE,
    limit: int = LIMIT,
) -> None:
    """List the streams of a service.

    Example: event-bus streams list --category task
    """
    listing = state(context).bus.streams.list(category=category, prefix=prefix, source=source)
    show(context, listing, limit, "stream_id", "source", "first_at", "truncate_before")


@app.command("head")
def stream_head(context: typer.Context, stream_id: StreamId, source: str | None = SOURCE) -> None:
    """Show the version of a stream, and when its first and last events were stored.

    Example: event-bus streams head task/task_123
    """
    known = state(context)
    known.output.document(known.bus.streams.head(stream_id, source=source))


@app.command("events")
def stream_events(
    context: typer.Context,
    stream_id: StreamId,
    source: str | None = SOURCE,
    from_version: int | None = typer.Option(None, min=1, help="The first version to show."),
    backward: bool = typer.Option(False, "--backward", help="The latest one first."),
    limit: int = LIMIT,
) -> None:
    """Show the events of a stream in the order of their versions.

    Example: event-bus streams events task/task_123
    """
    listing = state(context).bus.streams.read(
        stream_id,
        source=source,
        from_version=from_version,
        backward=backward,
        limit=min(limit, 100),
    )
    show(context, listing, limit, "version", "event.timestamp", "event.type", "event.id")


@app.command("state")
def stream_state(
    context: typer.Context,
    stream_id: StreamId,
    source: str | None = SOURCE,
    at_version: int | None = typer.Option(None, min=1, help="As it was at this version."),
    at_time: str | None = typer.Option(
        None, help="As it was at this time: RFC 3339, or 15m, 2h, 7d ago."
    ),
) -> None:
    """Show the state of a stream, computed from its events.

    Example: event-bus streams state task/task_123 --at-version 7
    """
    known = state(context)
    found = known.bus.streams.state(
        stream_id, source=source, at_version=at_version, at_time=moment(at_time)
    )
    known.output.document(found)


@app.command("append")
def append_events(
    context: typer.Context,
    stream_id: StreamId,
    file: Path = typer.Argument(..., help="A JSON array of events in a file; - is stdin."),
    expected: str | None = typer.Option(
        None,
        help="The version that the stream must have; `none` if it must have no events, `exists` if "
        "it must have one.",
    ),
    source: str | None = SOURCE,
) -> None:
    """Append events to a stream: all of them or none.

    Example: event-bus streams append task/task_123 events.json --expected 7
    """
    documents = json_value(text_of(file), str(file))
    if not isinstance(documents, list) or not all(isinstance(each, dict) for each in documents):
        raise typer.BadParameter(f"{file} must hold a JSON array of events")
    known = state(context)
    appended = known.bus.streams.append(
        stream_id,
        [_event(number, each) for number, each in enumerate(documents, 1)],
        expected_version=_version(expected),
        source=source,
    )
    known.output.show(Text(f"{stream_id} has version {appended.version}", "green"), appended)


@app.command("truncate")
def truncate_stream(
    context: typer.Context,
    stream_id: StreamId,
    before: int = typer.Option(..., min=1, help="The first version that stays visible."),
    source: str | None = SOURCE,
    yes: bool = YES,
) -> None:
    """Hide the events of a stream before a version.

    Example: event-bus streams truncate task/task_123 --before 7
    """
    sure(f"Hide the events of {stream_id} before version {before}?", yes)
    known = state(context)
    known.output.document(known.bus.streams.truncate(stream_id, before=before, source=source))


@app.command("delete")
def delete_stream(
    context: typer.Context, stream_id: StreamId, source: str | None = SOURCE, yes: bool = YES
) -> None:
    """Delete a stream: it takes no more events, and its events are hidden.

    Example: event-bus streams delete task/task_123
    """
    sure(f"Delete {stream_id}? This cannot be undone.", yes)
    known = state(context)
    known.bus.streams.delete(stream_id, source=source)
    known.output.line(f"deleted {stream_id}", "green")


def _event(number: int, document: dict[str, Any]) -> NewEvent:
    try:
        return NewEvent.of_document(document)
    except ValidationError as error:
        wrong = error.errors()[0]
        member = ".".join(map(str, wrong["loc"]))
        raise typer.BadParameter(f"event {number}: {member}: {wrong['msg']}") from error


def _version(text: str | None) -> ExpectedVersion | None:
    match text:
        case None | "none" | "exists":
            return text
        case _ if text.isdecimal():
            return int(text)
    raise typer.BadParameter("--expected must be a version, none or exists")
