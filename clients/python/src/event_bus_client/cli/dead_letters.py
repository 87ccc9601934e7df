"""`event-bus dead-letters`."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import typer

from event_bus_client.cli.context import State, state
from event_bus_client.cli.groups import Group
from event_bus_client.cli.options import (
    DRY_RUN,
    LIMIT,
    YES,
    DeadLetterId,
    counted,
    given,
    moment,
    show,
    sure,
)
from event_bus_client.errors import Conflict

app = typer.Typer(cls=Group, help="Deliveries that failed.", no_args_is_help=True)

_SUBSCRIPTION = typer.Option(None, "--subscription", help="Those of a subscription.")
_SERVICE = typer.Option(None, "--service", help="Those of a service's subscriptions.")
_TYPE = typer.Option(None, "--type", help="Those of events of a type or pattern.")
_CODE = typer.Option(None, "--code", help="Those whose last error has this code.")
_SINCE = typer.Option(None, help="The earliest time: RFC 3339, or 15m, 2h, 7d ago.")
_STATUS = typer.Option(None, help="retrying, exhausted or resolved.")
_NAMED = typer.Argument(
    None, metavar="[DEAD_LETTER_ID]...", help="Their ids; leave them out to choose by filters."
)

_COLUMNS = ("id", "event_type", "subscription_id", "status", "error.code", "created_at")
_MOST = 10_000
"""How many dead letters one command discards."""


@app.command("list")
def list_dead_letters(
    context: typer.Context,
    subscription_id: str | None = _SUBSCRIPTION,
    service_id: str | None = _SERVICE,
    event_type: str | None = _TYPE,
    code: str | None = _CODE,
    since: str | None = _SINCE,
    status: str | None = _STATUS,
    limit: int = LIMIT,
) -> None:
    """List dead letters, the newest first.

    Example: event-bus dead-letters list --subscription billing.large-orders --status exhausted
    """
    filters = _filters(subscription_id, service_id, event_type, code, since, status)
    show(context, state(context).bus.dead_letters.list(**filters), limit, *_COLUMNS)


@app.command("get")
def get_dead_letter(context: typer.Context, dead_letter_id: DeadLetterId) -> None:
    """Show one dead letter with its error and attempts.

    Example: event-bus dead-letters get dl_01K...
    """
    known = state(context)
    known.output.document(known.bus.dead_letters.get(dead_letter_id))


@app.command("retry")
def retry_dead_letters(
    context: typer.Context,
    dead_letter_ids: list[str] = _NAMED,
    subscription_id: str | None = _SUBSCRIPTION,
    service_id: str | None = _SERVICE,
    event_type: str | None = _TYPE,
    code: str | None = _CODE,
    since: str | None = _SINCE,
    dry_run: bool = DRY_RUN,
) -> None:
    """Deliver dead letters again: those that you name, or all that match the filters.

    With filters, it skips those whose next attempt is already on its way.

    Example: event-bus dead-letters retry --subscription billing.large-orders --dry-run
    """
    filters = _filters(subscription_id, service_id, event_type, code, since)
    _one_of(dead_letter_ids, filters)
    known = state(context)
    if dry_run:
        waiting = _named(known, dead_letter_ids) or _unresolved(known, filters)
        _tell(known, "would retry", waiting)
        return
    retried = 0
    if dead_letter_ids:
        for each in dead_letter_ids:
            known.bus.dead_letters.retry(each)
            known.output.line(f"retried {each}")
        retried = len(dead_letter_ids)
    else:
        cursor: str | None = None
        while True:
            answer = known.bus.dead_letters.retry_all(**filters, **given(cursor=cursor))
            retried += answer["retried"]
            cursor = answer["next_cursor"]
            if cursor is None:
                break
            known.output.line(f"retried {retried} so far", "dim")
    _count(known, "retried", retried)


@app.command("discard")
def discard_dead_letters(
    context: typer.Context,
    dead_letter_ids: list[str] = _NAMED,
    subscription_id: str | None = _SUBSCRIPTION,
    service_id: str | None = _SERVICE,
    event_type: str | None = _TYPE,
    code: str | None = _CODE,
    since: str | None = _SINCE,
    dry_run: bool = DRY_RUN,
    yes: bool = YES,
) -> None:
    """Discard dead letters: the bus does not try these deliveries again.

    Name them, or choose exhausted ones by filters.

    Example: event-bus dead-letters discard --code http_status --since 2h --dry-run
    """
    filters = _filters(subscription_id, service_id, event_type, code, since)
    _one_of(dead_letter_ids, filters)
    known = state(context)
    listed = known.bus.dead_letters.list(**filters, status="exhausted", limit=100)
    found = _named(known, dead_letter_ids) or islice(listed, _MOST)
    if dry_run:
        _tell(known, "would discard", found)
        return
    named = [each["id"] for each in found]
    if named:
        sure(f"Discard {counted(len(named), 'dead letter')}?", yes)
    discarded = sum(_discarded(known, each) for each in named)
    _count(known, "discarded", discarded)


def _discarded(known: State, dead_letter_id: str) -> bool:
    """Discards a dead letter; returns False if it is resolved already."""
    try:
        known.bus.dead_letters.discard(dead_letter_id)
    except Conflict as conflict:
        known.output.line(f"left {dead_letter_id}: {conflict.detail}", "yellow")
        return False
    known.output.line(f"discarded {dead_letter_id}")
    return True


def _filters(
    subscription_id: str | None,
    service_id: str | None,
    event_type: str | None,
    code: str | None,
    since: str | None,
    status: str | None = None,
) -> dict[str, Any]:
    members = given(
        subscription_id=subscription_id,
        subscriber_id=service_id,
        event_type=event_type,
        error_code=code,
        status=status,
    )
    return members if since is None else {**members, "from": moment(since)}


def _one_of(named: list[str] | None, filters: dict[str, Any]) -> None:
    if bool(named) == bool(filters):
        raise typer.BadParameter("name dead letters, or choose them by options such as --service")


def _named(known: State, named: list[str] | None) -> Iterator[dict[str, Any]] | None:
    return (known.bus.dead_letters.get(each) for each in named) if named else None


def _unresolved(known: State, filters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for status in ("exhausted", "retrying"):
        yield from known.bus.dead_letters.list(**filters, status=status, limit=100)


def _tell(known: State, said: str, found: Any) -> None:
    count = 0
    for each in found:
        count += 1
        if known.as_json:
            known.output.item(each)
        else:
            code = (each.get("error") or {}).get("code", "-")
            known.output.line(f"{said} {each['id']}: {each['event_type']}, {code}")
    known.output.line(counted(count, "dead letter"), "bold")


def _count(known: State, said: str, count: int) -> None:
    if known.as_json:
        known.output.item({said: count})
    else:
        known.output.line(f"{said} {counted(count, 'dead letter')}", "bold")
