"""`event-bus publishers`, `subscriptions`, `dead-letters` and `replays`."""

from typing import Any

import typer

from event_bus_client.cli.context import state

publishers = typer.Typer(help="The services that publish.", no_args_is_help=True)
subscriptions = typer.Typer(help="Who receives which events, and where.", no_args_is_help=True)
dead_letters = typer.Typer(help="Deliveries that failed.", no_args_is_help=True)
replays = typer.Typer(help="Deliver stored events again.", no_args_is_help=True)

_LIMIT = typer.Option(50, min=1, max=10_000, help="How many to show.")
_YES = typer.Option(False, "--yes", "-y", help="Do not ask.")


def _show(context: typer.Context, listing: Any, limit: int, *columns: str) -> None:
    shown = (each for each, _ in zip(listing, range(limit), strict=False))
    state(context).output.rows(shown, columns)


def _sure(question: str, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True)


@publishers.command("list")
def list_publishers(context: typer.Context, limit: int = _LIMIT) -> None:
    """List publishers."""
    _show(context, state(context).bus.publishers.list(), limit, "service_id", "event_types")


@publishers.command("register")
def register_publisher(
    context: typer.Context,
    service_id: str,
    event_types: list[str] = typer.Argument(..., help="What it may publish: types or patterns."),
) -> None:
    """Register a service that publishes, and show its key once.

    Example: event-bus publishers register shop 'order.*'
    """
    given = state(context)
    made = given.bus.publishers.create(service_id=service_id, event_types=event_types)
    given.output.document(made)


@subscriptions.command("list")
def list_subscriptions(
    context: typer.Context,
    service_id: str | None = typer.Option(None, "--service", help="Whose."),
    limit: int = _LIMIT,
) -> None:
    """List subscriptions."""
    listing = state(context).bus.subscriptions.list(service_id=service_id)
    _show(context, listing, limit, "id", "service_id", "name", "status", "event_types")


@subscriptions.command("get")
def get_subscription(context: typer.Context, subscription_id: str) -> None:
    """Show one subscription."""
    given = state(context)
    given.output.document(given.bus.subscriptions.get(subscription_id))


@subscriptions.command("delete")
def delete_subscription(context: typer.Context, subscription_id: str, yes: bool = _YES) -> None:
    """Remove a subscription. What waits for it is not delivered any more."""
    _sure(f"Remove {subscription_id}?", yes)
    given = state(context)
    given.bus.subscriptions.delete(subscription_id)
    given.output.line(f"removed {subscription_id}", "green")


@dead_letters.command("list")
def list_dead_letters(
    context: typer.Context,
    subscription_id: str | None = typer.Option(None, "--subscription", help="Of which one."),
    status: str | None = typer.Option(None, help="Their status."),
    limit: int = _LIMIT,
) -> None:
    """List dead letters.

    Example: event-bus dead-letters list --subscription sub_01K...
    """
    listing = state(context).bus.dead_letters.list(subscription_id=subscription_id, status=status)
    _show(context, listing, limit, "id", "event_type", "subscription_id", "status", "error.code")


@dead_letters.command("show")
def show_dead_letter(context: typer.Context, dead_letter_id: str) -> None:
    """Show one dead letter with its error and attempts."""
    given = state(context)
    given.output.document(given.bus.dead_letters.get(dead_letter_id))


@dead_letters.command("retry")
def retry_dead_letters(
    context: typer.Context,
    dead_letter_ids: list[str] = typer.Argument(None, help="Which ones."),
    subscription_id: str | None = typer.Option(None, "--subscription", help="All of this one."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only show what would be retried."),
) -> None:
    """Deliver dead letters again: those that you name, or all of a subscription.

    Example: event-bus dead-letters retry --subscription sub_01K... --dry-run
    """
    given = state(context)
    letters = given.bus.dead_letters
    if bool(dead_letter_ids) == bool(subscription_id):
        raise typer.BadParameter("name dead letters, or a subscription by --subscription")
    named = dead_letter_ids or [
        each["id"] for each in letters.list(subscription_id=subscription_id)
    ]
    for each in named:
        if not dry_run:
            letters.retry(each)
        given.output.line(f"{'would retry' if dry_run else 'retried'} {each}")
    given.output.line(f"{len(named)} dead letters", "bold")


@dead_letters.command("discard")
def discard_dead_letter(context: typer.Context, dead_letter_id: str, yes: bool = _YES) -> None:
    """Give a dead letter up: its event is never delivered to this subscription."""
    _sure(f"Discard {dead_letter_id}?", yes)
    given = state(context)
    given.bus.dead_letters.discard(dead_letter_id)
    given.output.line(f"discarded {dead_letter_id}", "green")


@replays.command("list")
def list_replays(context: typer.Context, limit: int = _LIMIT) -> None:
    """List replays."""
    _show(context, state(context).bus.replays.list(), limit, "id", "status", "created_at")


@replays.command("get")
def get_replay(context: typer.Context, replay_id: str) -> None:
    """Show one replay and how far it is."""
    given = state(context)
    given.output.document(given.bus.replays.get(replay_id))


@replays.command("cancel")
def cancel_replay(context: typer.Context, replay_id: str) -> None:
    """Stop a replay."""
    given = state(context)
    given.output.document(given.bus.replays.cancel(replay_id))
