"""`event-bus replay` and `event-bus replays`."""

import time
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from event_bus_client.cli.context import State, state
from event_bus_client.cli.groups import Group
from event_bus_client.cli.options import LIMIT, ReplayId, counted, given, moment, show

app = typer.Typer(cls=Group, help="Past and running replays.", no_args_is_help=True)

_POLL_SECONDS = 1.0


def replay(
    context: typer.Context,
    event_id: str | None = typer.Argument(
        None, help="The event to replay; leave it out with --since."
    ),
    since: str | None = typer.Option(
        None, help="The beginning of the period: RFC 3339, or 15m, 2h, 7d ago."
    ),
    until: str | None = typer.Option(
        None, help="The end of the period, in the same form; now if omitted."
    ),
    subscription_id: str | None = typer.Option(
        None, "--subscription", help="Deliver to this subscription only."
    ),
    event_types: list[str] = typer.Option(
        [], "--type", help="Only events of this type or pattern; may be repeated."
    ),
    source: str | None = typer.Option(None, help="Only events of this service."),
    rate: int | None = typer.Option(None, min=1, max=500, help="Deliveries a second."),
    wait: bool = typer.Option(True, "--wait/--no-wait", help="Whether to wait for its end."),
) -> None:
    """Deliver stored events again, and show the progress.

    Example: event-bus replay --since 2h --type 'order.*' --subscription billing.large-orders
    """
    if (event_id is None) == (since is None):
        raise typer.BadParameter("name one event, or a period by --since")
    known = state(context)
    if event_id is not None:
        if until or event_types or source or rate:
            raise typer.BadParameter("one event takes no option but --subscription and --no-wait")
        started = known.bus.events.replay(event_id, subscription_id=subscription_id)
    else:
        members = given(
            since=moment(since),
            until=moment(until),
            subscription_id=subscription_id,
            event_types=event_types,
            source=source,
            rate=rate,
        )
        started = known.bus.replays.start(**members)
    ended = _follow(known, started) if wait else started
    progress = ended["progress"]
    known.output.show(
        Text(
            f"{ended['id']} {ended['state']}: "
            f"{counted(progress['deliveries_sent'], 'delivery', 'deliveries')} of "
            f"{counted(progress['events_examined'], 'event')}"
        ),
        ended,
    )


@app.command("list")
def list_replays(context: typer.Context, limit: int = LIMIT) -> None:
    """List replays, the newest first.

    Example: event-bus replays list
    """
    columns = ("id", "service_id", "state", "progress.ratio", "progress.deliveries_sent")
    show(context, state(context).bus.replays.list(), limit, *columns, "created_at")


@app.command("get")
def get_replay(context: typer.Context, replay_id: ReplayId) -> None:
    """Show one replay with its progress.

    Example: event-bus replays get rpl_01K...
    """
    known = state(context)
    known.output.document(known.bus.replays.get(replay_id))


@app.command("cancel")
def cancel_replay(context: typer.Context, replay_id: ReplayId) -> None:
    """Cancel a replay. Messages on their way still arrive.

    Example: event-bus replays cancel rpl_01K...
    """
    known = state(context)
    known.output.document(known.bus.replays.cancel(replay_id))


def _follow(known: State, replay: dict[str, Any]) -> dict[str, Any]:
    """Waits until a replay has ended; an interruption leaves it running."""
    # On stderr, so that the answer alone is on stdout.
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task(f"replaying {replay['id']}", total=1.0)
        try:
            while replay["state"] == "running":
                time.sleep(_POLL_SECONDS)
                replay = known.bus.replays.get(replay["id"])
                progress.update(task, completed=replay["progress"]["ratio"])
        except KeyboardInterrupt:
            console.print(
                f"The replay continues; stop it with: event-bus replays cancel {replay['id']}"
            )
            raise
    return replay
