"""The texts before and after the day."""

import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.text import Text

from examples.engineering_day.bus import Address, Document
from examples.engineering_day.cast import CAST, TASK_MANAGER, Protocol
from examples.engineering_day.screen import Screen, milliseconds
from examples.engineering_day.summary import DayTotals, percentile
from examples.engineering_day.warm_up import WarmUp

_NAMES: dict[Protocol, str] = {
    "http": "callback",
    "sqs": "SQS",
    "pull": "pulling",
    "websocket": "WebSocket",
}


def introduce(screen: Screen, address: Address) -> None:
    """Introduces the services and the bus."""
    screen.heading(f"An engineering team's day on the bus at {address.url}")
    for role in CAST:
        if role.publishes:
            domains = dict.fromkeys(each.partition(".")[0] for each in role.publishes)
            types = ", ".join(f"{each}.*" for each in domains)
            screen.line(role, f"publishes {len(role.publishes)} types of {types}")
    for role in CAST:
        if role.wish:
            screen.line(
                role, f"receives {', '.join(role.wish.event_types)} by {_NAMES[role.wish.protocol]}"
            )
            for event_type, pattern in role.wish.filters.items():
                screen.line(role, f"but {event_type} only with {json.dumps(pattern)}")
            for part, source in (role.wish.enrichment or {}).items():
                screen.line(role, f"enriched by {part}, from its context {source['context']}")


def follow(
    screen: Screen,
    correlation_id: str,
    events: Sequence[Document],
    documents: Mapping[str, Document],
) -> None:
    """Shows one task as the bus reports it: its events in order, and the result of each."""
    screen.heading(f"Read back: GET /events?correlation_id={correlation_id}&order=oldest")
    colours = {role.service_id: role.colour for role in CAST}
    for event in events:
        since = _seconds(event["timestamp"]) - _seconds(events[0]["timestamp"])
        deliveries = documents[event["id"]]["deliveries"] if event["id"] in documents else []
        line = Text(f"  {since * 1000:>6.0f} ms  ")
        line.append(event["type"].ljust(24), colours.get(event["source"], ""))
        source = event["source"].removesuffix("_service")
        line.append(source.ljust(18), colours.get(event["source"], ""))
        outcome = [
            f"{each['service_id'].removesuffix('_service')} {each['status']}" for each in deliveries
        ]
        line.append(", ".join(outcome) or "no subscriber", "dim")
        screen.print(line)


def summarise(screen: Screen, day: DayTotals, warmed: WarmUp) -> None:
    """Shows the totals."""
    screen.heading("Summary")
    _row(screen, "published", day.published, f"events of {day.types} types, all stored")
    _row(screen, "matched", day.matched, "deliveries that the bus decided on")
    _row(screen, "delivered", day.delivered, f"in {day.attempts} attempts")
    _row(screen, "filtered out", day.filtered_out, "of a subscribed type, excluded by a filter")
    _row(screen, "signatures verified", day.verified, "by the Python client")
    _times(screen, "publish to stored", day.stored_ms)
    for protocol, received_ms in day.received_ms.items():
        _times(screen, f"to receipt, {_NAMES[protocol]}", received_ms)
    first = milliseconds(warmed.first_ms)
    screen.say(
        f"  Before it, {warmed.heartbeats} heartbeats started the functions; they are not counted. "
        f"The first took {first}.",
        "dim",
    )


def _row(screen: Screen, name: str, value: int | str, remark: str) -> None:
    line = Text(f"  {name.ljust(22)}", "bold")
    line.append(f"{value:>8}  ")
    line.append(remark, "dim not bold")
    screen.print(line)


def _times(screen: Screen, name: str, values: Sequence[float]) -> None:
    if not values:
        return
    middle, late = (milliseconds(percentile(values, percent)) for percent in (50, 99))
    _row(screen, name, middle, f"p50; p99 {late}, of {len(values)}")


def conclude(screen: Screen, address: Address, correlation_id: str) -> None:
    """Reports success, where the bus is, and what to try next."""
    screen.say("\nNothing was lost, and nothing arrived that should not have.", "bold green")
    task = {"task_id": "task-201", "title": "Try the bus", "priority": "low", "context_tokens": 0}
    event = json.dumps({"type": "task.created", "payload": task})
    screen.heading("The bus keeps running; the services of the day have left it. Try next:")
    key = f"-H 'x-api-key: {TASK_MANAGER.api_key}'"
    screen.say(f"  curl {address.url}/health/ready\n")
    screen.say(
        f"  curl {address.url}/events \\\n"
        f"    {key} -H 'content-type: application/json' \\\n"
        f"    -d {shlex.quote(event)}\n"
    )
    screen.say(f"  curl '{address.url}/events?correlation_id={correlation_id}' \\\n    {key}\n")
    screen.say("  docs/tutorial.md shows more, step by step. Stop the bus with: make down\n")


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
