"""`event-bus doctor`: what fails now, why, and what to do."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import chain, islice

import typer
from rich.console import Group
from rich.text import Text

from event_bus_client import Key
from event_bus_client.cli.context import State, state
from event_bus_client.cli.exits import Ended, Exit
from event_bus_client.cli.findings import (
    DELETED,
    Finding,
    of_clock,
    of_dead_letters,
    of_failing,
    of_health,
    of_keys,
    of_subscriptions,
    of_unrouted,
)
from event_bus_client.cli.output import plain
from event_bus_client.cli.publishers import keys_of
from event_bus_client.errors import ConnectionFailed, Forbidden, NotFound, ServerError

MOST_SUBSCRIPTIONS = 1_000
"""How many subscriptions, and how many publishers, are looked at."""

MOST_DEAD_LETTERS = 500
MOST_LOOKED_UP = 100
"""Of how many subscriptions with dead letters the status is looked up."""

MOST_SERVICES = 50
"""Of how many services the keys are looked at."""

_SHOWN_FAILING = 20
_UNROUTED_AFTER = timedelta(minutes=2)

_MARKS = {"error": ("✗", "bold red"), "warning": ("!", "bold yellow"), "info": ("i", "dim")}
_ORDER = tuple(_MARKS)


def doctor(context: typer.Context) -> None:
    """Show what fails now, why, and the command to type for each finding.

    Looks at health, clocks, keys, subscriptions, circuits, dead letters and events that wait. An
    admin's key sees all services, another key its own. Changes nothing. The exit code is 7 if
    something fails, and 0 if there are only warnings.

    Example: event-bus doctor
    """
    known = state(context)
    found = sorted(examine(known), key=lambda each: _ORDER.index(each.severity))
    fails = any(each.severity == "error" for each in found)
    document = {"ok": not fails, "findings": [each.document() for each in found]}
    known.output.show(_drawn(found), document)
    if fails:
        raise Ended(Exit.FAULTS)


def examine(known: State) -> Iterator[Finding]:
    """Looks at everything that the key may see."""
    now = datetime.now(timezone.utc)
    try:
        health = known.bus.health()
    except ServerError as failure:
        health = dict(failure.document)
        if "checks" not in health:
            yield Finding("error", "health", "The bus is not ready.", str(failure))
    except ConnectionFailed as failure:
        yield Finding(
            "error",
            "unreachable",
            "The bus cannot be reached.",
            str(failure),
            "Check the URL of the profile, and the network. For a bus on this machine: "
            "event-bus local up.",
            ("event-bus login",),
        )
        return
    yield from of_health(health)
    yield from of_clock(health, now)
    for subject, look in _LOOKS.items():
        yield from _permitted(subject, lambda look=look: look(known, now))  # type: ignore[misc]


def _permitted(subject: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Returns the findings of one check.

    If the key lacks a right or a check fails, other findings still show.
    """
    try:
        return list(look())
    except Forbidden as refusal:
        return [Finding("info", "not_checked", f"{subject} were not checked.", refusal.detail)]
    except ServerError as failure:
        return [Finding("error", "health", f"{subject} cannot be read.", str(failure))]


def _failing(known: State, _: datetime) -> Iterator[Finding]:
    return of_failing(known.bus.subscriptions.failing(limit=_SHOWN_FAILING))


def _subscriptions(known: State, _: datetime) -> Iterator[Finding]:
    return of_subscriptions(islice(known.bus.subscriptions.list(limit=100), MOST_SUBSCRIPTIONS))


def _dead_letters(known: State, _: datetime) -> Iterator[Finding]:
    listed = known.bus.dead_letters.list(status="exhausted", limit=100)
    letters = list(islice(listed, MOST_DEAD_LETTERS))
    subscriptions = dict.fromkeys(each["subscription_id"] for each in letters)
    statuses = {each: _status(known, each) for each in islice(subscriptions, MOST_LOOKED_UP)}
    return of_dead_letters(letters, statuses, MOST_DEAD_LETTERS)


def _status(known: State, subscription_id: str) -> str:
    try:
        return str(known.bus.subscriptions.get(subscription_id)["status"])
    except NotFound:
        return DELETED


def _unrouted(known: State, now: datetime) -> Iterator[Finding]:
    listed = known.bus.events.list(processed=False, until=now - _UNROUTED_AFTER, limit=1)
    return of_unrouted([each.model_dump(mode="json") for each in islice(listed, 1)])


def _keys(known: State, now: datetime) -> Iterator[Finding]:
    services = islice(_services(known), MOST_SERVICES)
    keys = (plain(key) for each in services for key in _keys_of(known, each))
    return of_keys(keys, now, known.key_id)


def _services(known: State) -> Iterator[str]:
    """Yields the services that publish or subscribe, each once."""
    listed = (known.bus.publishers.list(limit=100), known.bus.subscriptions.list(limit=100))
    seen: set[str] = set()
    for each in chain.from_iterable(islice(one, MOST_SUBSCRIPTIONS) for one in listed):
        if each["service_id"] not in seen:
            seen.add(each["service_id"])
            yield each["service_id"]


def _keys_of(known: State, service_id: str) -> list[Key]:
    try:
        return keys_of(known, service_id)
    except NotFound:
        return []


_LOOKS: dict[str, Callable[[State, datetime], Iterator[Finding]]] = {
    "Failing subscriptions": _failing,
    "Subscriptions": _subscriptions,
    "Dead letters": _dead_letters,
    "Events that wait": _unrouted,
    "Keys": _keys,
}


def _drawn(found: list[Finding]) -> Group:
    lines: list[Text] = []
    for each in found:
        mark, style = _MARKS[each.severity]
        lines.append(Text.assemble((f"{mark} ", style), (each.what, "bold")))
        lines += [Text(f"  {said}") for said in (each.why, each.advice) if said]
        lines += [Text(f"  → {command}", "cyan") for command in each.commands]
    errors = sum(each.severity == "error" for each in found)
    warnings = sum(each.severity == "warning" for each in found)
    if errors or warnings:
        lines.append(Text(f"errors: {errors}, warnings: {warnings}", "bold"))
    else:
        lines.append(Text("Nothing fails.", "bold green"))
    return Group(*lines)
