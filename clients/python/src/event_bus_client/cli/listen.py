"""`event-bus listen`: forwards events to a program on this machine, as the bus would call it."""

import base64
import os
import time

import httpx
import typer

from event_bus_client.cli.context import state
from event_bus_client.models import Event
from event_bus_client.webhooks import Webhook


def listen(
    context: typer.Context,
    forward_to: str = typer.Option(..., "--forward-to", help="The URL to send events to."),
    types: list[str] = typer.Option(..., "--types", "-t", help="Types or patterns."),
    secret: str | None = typer.Option(
        None, help="The signing secret to use; a new one is made by default."
    ),
    print_secret: bool = typer.Option(
        False, "--print-secret", help="Print the signing secret before the first event."
    ),
) -> None:
    """Receive events and send each to a URL on this machine, signed like a real callback.

    Each event is sent once. Use it while you develop a callback.

    Example: event-bus listen --types 'order.*' --forward-to http://localhost:3000/hook
    """
    given = state(context)
    used = secret or "whsec_" + base64.b64encode(os.urandom(32)).decode()
    webhook = Webhook(used)
    if print_secret:
        typer.echo(used)
    given.output.line(f"listening for {' '.join(types)}; forwarding to {forward_to}", "dim")
    with httpx.Client(timeout=30) as http:
        for event in given.bus.listen(*types):
            begun = time.monotonic()
            status = _forward(http, forward_to, event, webhook)
            milliseconds = (time.monotonic() - begun) * 1000
            good = status.isdigit() and status.startswith("2")
            given.output.line(
                f"{event.timestamp:%H:%M:%S} {event.type} {event.id} -> {status} "
                f"({milliseconds:.0f} ms)",
                "green" if good else "red",
            )


def _forward(http: httpx.Client, url: str, event: Event, webhook: Webhook) -> str:
    body = event.model_dump_json(exclude_unset=True).encode()
    headers = {
        "content-type": "application/json",
        **webhook.sign(event.id, int(time.time()), body),
    }
    try:
        answer = http.post(url, content=body, headers=headers)
    except httpx.HTTPError as error:
        return repr(error)
    return str(answer.status_code)
