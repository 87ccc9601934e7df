"""`event-bus status`, `event-bus metrics` and `event-bus streams`."""

from typing import Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from event_bus_client.cli.context import state
from event_bus_client.cli.options import LIMIT, given, moment, show

streams = typer.Typer(help="Event streams: events in their order.", no_args_is_help=True)


def status(context: typer.Context) -> None:
    """Show whether the bus is ready.

    Example: event-bus status
    """
    known = state(context)
    known.output.document(known.bus.health())


def metrics(
    context: typer.Context,
    granularity: str = typer.Option("hour", help="minute, hour or day."),
    since: str | None = typer.Option(None, help="The earliest time: RFC 3339, or 15m, 2h, 7d ago."),
    event_type: str | None = typer.Option(None, "--type", help="A type or a pattern."),
    source: str | None = typer.Option(None, help="Only events of this service."),
    subscriber: str | None = typer.Option(None, help="Only deliveries to this service."),
    prometheus: bool = typer.Option(
        False, "--prometheus", help="Print what Prometheus would scrape."
    ),
) -> None:
    """Show what was published, delivered and failed over time (admin).

    Example: event-bus metrics --granularity minute --since 30m
    """
    known = state(context)
    if prometheus:
        typer.echo(known.bus.request("GET", "/metrics"))
        return
    query = given(
        granularity=granularity,
        type=event_type,
        source=source,
        subscriber=subscriber,
        **{"from": moment(since)},
    )
    answer = known.bus.request("GET", "/analytics", query=query)
    known.output.show(_drawn(answer), answer)


@streams.command("events")
def stream_events(
    context: typer.Context,
    stream_id: str,
    source: str | None = typer.Option(None, help="The service whose stream it is, for an admin."),
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
    show(context, listing, limit, "metadata.stream_version", "timestamp", "type", "id")


@streams.command("state")
def stream_state(
    context: typer.Context,
    stream_id: str,
    source: str | None = typer.Option(None, help="The service whose stream it is, for an admin."),
    at_version: int | None = typer.Option(None, min=1, help="As it was at this version."),
) -> None:
    """Show the state that the events of a stream add up to.

    Example: event-bus streams state task/task_123 --at-version 7
    """
    known = state(context)
    query = given(stream_id=stream_id, source=source, at_version=at_version)
    known.output.document(known.bus.request("GET", "/streams/state", query=query))


def _drawn(answer: dict[str, Any]) -> Group:
    """The totals, and what happened in each part of the period."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("START", "PUBLISHED", "DELIVERED", "FAILED", "DEAD LETTERS", "P50", "P99"):
        table.add_column(column, justify="left" if column == "START" else "right")
    for each in [*answer["buckets"], {"start": "total", **answer["totals"]}]:
        latency = each["latency_seconds"] or {}
        table.add_row(
            each["start"],
            str(each["published"]),
            str(each["delivered"]),
            Text(str(each["failed"]), "red" if each["failed"] else ""),
            Text(str(each["dead_lettered"]), "red" if each["dead_lettered"] else ""),
            *(_seconds(latency.get(name)) for name in ("p50", "p99")),
            style="bold" if each["start"] == "total" else "",
        )
    late = Text(f"Counts may be {answer['delay_seconds']} seconds late.", "dim")
    return Group(table, late)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value * 1000:.0f} ms"
