"""Options that several commands have, and what they do."""

import re
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Annotated, Any

import typer

from event_bus_client.cli.context import state
from event_bus_client.times import rfc3339

LIMIT = typer.Option(50, min=1, max=10_000, help="How many to show.")
YES = typer.Option(False, "--yes", "-y", help="Do not ask.")
SOURCE = typer.Option(
    None, help="The service that publishes the streams; by default that of the key."
)
DRY_RUN = typer.Option(False, "--dry-run", help="Only show what would be done.")


def _argument(text: str) -> Any:
    return typer.Argument(help=text)


Category = Annotated[
    str, _argument("The category: the part of the streams' ids before the first slash.")
]
CommandId = Annotated[str, _argument("The id of the command.")]
ContextKey = Annotated[str, _argument("The key of the entry.")]
ContextName = Annotated[str, _argument("The name of the context.")]
DeadLetterId = Annotated[str, _argument("The id of the dead letter.")]
EventId = Annotated[str, _argument("The id of the event.")]
EventType = Annotated[str, _argument("The event type, such as order.placed.")]
KeyId = Annotated[str, _argument("The id of the key.")]
ReplayId = Annotated[str, _argument("The id of the replay.")]
SchemaVersion = Annotated[int, _argument("The version of the schema.")]
ServiceId = Annotated[str, _argument("The id of the service.")]
StreamId = Annotated[str, _argument("The id of the event stream, such as task/1.")]
SubscriptionId = Annotated[str, _argument("The id of the subscription.")]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AGO = re.compile(r"([0-9]{1,6})([smhd])")


def show(context: typer.Context, listing: Iterable[Any], limit: int, *columns: str) -> None:
    """Prints the first items of a list."""
    state(context).output.rows(islice(listing, limit), columns)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Returns a number of things, such as `1 event` or `2 events`.

    Args:
        count: How many there are.
        noun: The name of one.
        plural: The name of several; None appends an s.
    """
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def sure(question: str, yes: bool) -> None:
    """Asks before something that cannot be undone, unless the answer was given as an option."""
    if yes:
        return
    # On stderr, so that the answer of the bus alone is on stdout; Click writes a space to stdout.
    print(f"{question} [y/N]: ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        print(file=sys.stderr)
    if answer.strip().lower() not in ("y", "yes"):
        raise typer.Abort


def moment(text: str | None) -> str | None:
    """Reads a time: a timestamp (RFC 3339), or a time ago such as `90s`, `15m`, `2h` or `7d`."""
    found = _AGO.fullmatch(text or "")
    if not found:
        return text
    ago = timedelta(**{_UNITS[found[2]]: int(found[1])})
    return rfc3339(datetime.now(timezone.utc) - ago)


def given(**members: Any) -> dict[str, Any]:
    """Returns the members that have a value."""
    return {name: value for name, value in members.items() if value not in (None, [])}
