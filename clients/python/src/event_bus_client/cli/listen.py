"""`event-bus listen`: forwards events to a program on this machine, as the bus would call it."""

import base64
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime

import httpx
import typer
from rich.text import Text

from event_bus_client.cli.context import State, state
from event_bus_client.errors import Forbidden, InvalidRequest, NotFound
from event_bus_client.models import Event
from event_bus_client.times import rfc3339
from event_bus_client.webhooks import Webhook

_NAME = "event-bus listen"

_MOST_SEEN = 10_000
"""How many ids are remembered, so that an event on both sides of a gap is sent once."""


def listen(
    context: typer.Context,
    forward_to: str = typer.Option(..., "--forward-to", help="The URL to send events to."),
    types: list[str] = typer.Option(
        ..., "--types", "-t", help="A type or a pattern; may be repeated."
    ),
    secret: str | None = typer.Option(
        None, help="The signing secret to use; a new one is made by default."
    ),
    print_secret: bool = typer.Option(
        False, "--print-secret", help="Print the signing secret before the first event."
    ),
) -> None:
    """Receive events and send each to a URL on this machine, signed like a real callback.

    Receives over a WebSocket if the profile or EVENT_BUS_WEBSOCKET_URL has a URL for it and the key
    may subscribe. Otherwise it receives by Server-Sent Events.
    Continues after network failures with the events that it missed, and removes its subscription
    at the end. It makes no retries: an event that your program refuses is not sent again. Use it
    while you develop a callback.

    Example: event-bus listen --types 'order.*' --forward-to http://localhost:3000/hook
    """
    known = state(context)
    used = secret or "whsec_" + base64.b64encode(os.urandom(32)).decode()
    webhook = Webhook(used)
    if print_secret and known.as_json:
        known.output.item({"signing_secret": used})
    elif print_secret:
        typer.echo(used)
    _end_in_order()
    with httpx.Client(timeout=30) as http:
        for event in _received(known, types, forward_to):
            begun = time.monotonic()
            status = _forward(http, forward_to, event, webhook)
            milliseconds = round((time.monotonic() - begun) * 1000)
            line = f"{rfc3339(event.timestamp)} {event.type} {event.id} -> {status}"
            good = status.isdigit() and status.startswith("2")
            known.output.show(
                Text(f"{line} ({milliseconds} ms)", "green" if good else "red", overflow="fold"),
                {"event_id": event.id, "type": event.type, "status": status, "ms": milliseconds},
            )


def _end_in_order() -> None:
    """Has a subscription removed also if the program is ended from outside."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    hang_up = getattr(signal, "SIGHUP", None)
    # The terminal is closed. With `nohup`, the program goes on.
    if hang_up is not None and signal.getsignal(hang_up) is signal.SIG_DFL:
        signal.signal(hang_up, signal.default_int_handler)


def _received(known: State, types: list[str], forward_to: str) -> Iterator[Event]:
    """Yields the events of some types from now on."""
    said = f"for {' '.join(types)}; forwarding to {forward_to}"
    subscription_id = _subscribed(known, types)
    if subscription_id is None:
        known.output.line(f"listening {said}", "dim")
        yield from _listened(known, types)
    else:
        known.output.line(f"listening over a WebSocket {said}", "dim")
        yield from _followed(known, subscription_id)


def _subscribed(known: State, types: list[str]) -> str | None:
    """Makes a subscription to follow; None if the key or the profile does not allow it."""
    if not known.config.websocket_url or not _has_websockets():
        return None
    target = {"type": "websocket"}
    try:
        made = known.bus.subscriptions.create(name=_NAME, event_types=types, target=target)
    except (Forbidden, InvalidRequest):
        # A key without the right to subscribe, or an admin's, which belongs to no service.
        return None
    return str(made["id"])


def _followed(known: State, subscription_id: str) -> Iterator[Event]:
    try:
        for received in known.bus.inbox(subscription_id).follow():
            if received.error:
                known.output.line(f"an event is left out: {received.error['detail']}", "yellow")
            else:
                yield received.event
    finally:
        with suppress(NotFound):
            known.bus.subscriptions.delete(subscription_id)


def _listened(known: State, types: list[str]) -> Iterator[Event]:
    """Listens by Server-Sent Events. After a gap, reads the missed events back."""
    gaps: list[str] = []
    on_gap: Callable[[str], None] = gaps.append
    seen: dict[str, None] = {}
    last: datetime | None = None
    for event in known.bus.listen(*types, on_gap=on_gap):
        if gaps:
            known.output.line(f"there was a gap: {gaps[-1]}", "yellow")
            gaps.clear()
            for missed in _missed(known, types, last, event.timestamp):
                if missed.id not in seen:
                    seen[missed.id] = None
                    yield missed
        if event.id not in seen:
            seen[event.id] = None
            yield event
        last = event.timestamp
        while len(seen) > _MOST_SEEN:
            del seen[next(iter(seen))]


def _missed(
    known: State, types: list[str], since: datetime | None, until: datetime
) -> Iterator[Event]:
    """Yields the events between two times, the oldest first."""
    if since is None:
        return
    for each in types:
        listed = known.bus.events.list(type=each, since=since, until=until, order="oldest")
        for stored in listed:
            # Lists leave out large payloads.
            yield stored if stored.payload is not None else known.bus.events.get(stored.id)


def _has_websockets() -> bool:
    try:
        import websockets  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def _forward(http: httpx.Client, url: str, event: Event, webhook: Webhook) -> str:
    members = set(Event.model_fields) & event.model_fields_set
    body = event.model_dump_json(include=members, exclude_unset=True).encode()
    headers = {
        "content-type": "application/json",
        **webhook.sign(event.id, int(time.time()), body),
    }
    try:
        answer = http.post(url, content=body, headers=headers)
    except httpx.HTTPError as error:
        return repr(error)
    return str(answer.status_code)
