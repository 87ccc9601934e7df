"""`event-bus status` and `event-bus metrics`."""

from typing import Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from event_bus_client.cli.context import state
from event_bus_client.cli.findings import observed
from event_bus_client.cli.options import moment

_STYLES = {"pass": "green", "warn": "yellow", "fail": "red"}
_COUNTS = ("published", "delivered", "failed", "dead_lettered")


def status(context: typer.Context) -> None:
    """Show whether the bus is ready.

    Example: event-bus status
    """
    known = state(context)
    health = known.bus.health()
    known.output.show(_checks(health), health)


def _checks(health: dict[str, Any]) -> Group:
    """Returns the checks, the version and the result."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("CHECK", "STATUS", "OBSERVED"):
        table.add_column(column)
    for name, check in health["checks"].items():
        table.add_row(
            name, Text(check["status"], _STYLES.get(check["status"], "")), observed(check)
        )
    # A bus from before version 1.0.0 does not name its version.
    of_version = f", version {health['releaseId']}" if "releaseId" in health else ""
    result = f"The bus: {health['status']}{of_version}"
    return Group(table, Text(result, _STYLES.get(health["status"], "")))


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

    The table omits periods in which nothing happened.

    Example: event-bus metrics --granularity minute --since 30m
    """
    known = state(context)
    if prometheus:
        typer.echo(known.bus.metrics.prometheus())
        return
    answer = known.bus.metrics.counts(
        granularity=granularity,
        since=moment(since),
        type=event_type,
        source=source,
        subscriber=subscriber,
    )
    known.output.show(_drawn(answer), answer)


def _drawn(answer: dict[str, Any]) -> Group:
    """Returns the totals, and what happened in each part of the period that was not empty."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("START", "PUBLISHED", "DELIVERED", "FAILED", "DEAD LETTERS", "P50", "P99"):
        table.add_column(column, justify="left" if column == "START" else "right")
    busy = [each for each in answer["buckets"] if any(each[name] for name in _COUNTS)]
    for each in [*busy, {"start": "total", **answer["totals"]}]:
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
