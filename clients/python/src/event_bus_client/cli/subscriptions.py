"""`event-bus subscriptions`."""

from pathlib import Path
from typing import Any

import typer
from rich.text import Text

from event_bus_client import Tested
from event_bus_client.cli.context import state
from event_bus_client.cli.exits import Ended, Exit
from event_bus_client.cli.groups import Group
from event_bus_client.cli.options import LIMIT, YES, EventId, SubscriptionId, given, show, sure
from event_bus_client.cli.output import plain
from event_bus_client.cli.reading import json_object, text_of

app = typer.Typer(cls=Group, help="Who receives which events, and where.", no_args_is_help=True)


@app.command("list")
def list_subscriptions(
    context: typer.Context,
    service_id: str | None = typer.Option(None, "--service", help="Only those of this service."),
    event_type: str | None = typer.Option(None, "--type", help="A type that they receive."),
    status: str | None = typer.Option(None, help="active, paused or disabled."),
    failing: bool = typer.Option(False, "--failing", help="Only those whose last attempt failed."),
    limit: int = LIMIT,
) -> None:
    """List subscriptions.

    Example: event-bus subscriptions list --failing
    """
    listing = state(context).bus.subscriptions.list(
        service_id=service_id,
        event_type=event_type,
        status=status,
        health="failing" if failing else None,
    )
    show(context, listing, limit, "id", "service_id", "name", "status", "event_types")


@app.command("get")
def get_subscription(context: typer.Context, subscription_id: SubscriptionId) -> None:
    """Show one subscription, with its status, its circuit and its pace.

    Example: event-bus subscriptions get billing.large-orders
    """
    known = state(context)
    known.output.document(known.bus.subscriptions.get(subscription_id))


@app.command("create")
def create_subscription(
    context: typer.Context,
    event_types: list[str] = typer.Argument(..., help="What it receives: types or patterns."),
    url: str | None = typer.Option(None, help="The URL that events are posted to."),
    target: str | None = typer.Option(
        None, help="Instead of a URL: pull, sse, websocket, or a target as JSON."
    ),
    filters: str | None = typer.Option(None, help="Event patterns by type, as JSON."),
    name: str | None = typer.Option(None, help="A name for people."),
    service_id: str | None = typer.Option(
        None, "--service", help="The service that receives; for admins."
    ),
    stream: str | None = typer.Option(
        None, help="Only the events of this stream, in their order; needs --source."
    ),
    category: str | None = typer.Option(
        None, help="Only the events of the streams of this category; needs --source."
    ),
    source: str | None = typer.Option(None, help="The service that publishes the streams."),
    from_version: int | None = typer.Option(
        None, min=1, help="Also receive stored events, from this version on; for a category only 1."
    ),
) -> None:
    """Register a subscription. The bus shows its signing secret only now.

    Example: event-bus subscriptions create order.placed --url https://billing.example.com/events
    """
    if (url is None) == (target is None):
        raise typer.BadParameter("give --url or --target, one of the two")
    members = given(
        service_id=service_id,
        name=name,
        event_types=event_types,
        callback_url=url,
        target=_target(target),
        filters=None if filters is None else json_object(filters, "--filters"),
        stream=_followed(stream, category, source, from_version),
    )
    known = state(context)
    known.output.document(known.bus.subscriptions.create(**members))


@app.command("delete")
def delete_subscription(
    context: typer.Context, subscription_id: SubscriptionId, yes: bool = YES
) -> None:
    """Remove a subscription. Deliveries that wait for it are dropped.

    Example: event-bus subscriptions delete billing.large-orders
    """
    sure(f"Remove {subscription_id}?", yes)
    known = state(context)
    known.bus.subscriptions.delete(subscription_id)
    known.output.line(f"removed {subscription_id}", "green")


@app.command("pause")
def pause_subscription(context: typer.Context, subscription_id: SubscriptionId) -> None:
    """Pause a subscription: the bus keeps what it matches until you resume it.

    Example: event-bus subscriptions pause billing.large-orders
    """
    known = state(context)
    changed = known.bus.subscriptions.update(subscription_id, status="paused")
    known.output.show(Text(f"paused {subscription_id}", "yellow"), changed)


@app.command("resume")
def resume_subscription(
    context: typer.Context,
    subscription_id: SubscriptionId,
    resume_from: str = typer.Option(
        "backlog", "--from", help="backlog: deliver the held events as well; now: only new ones."
    ),
) -> None:
    """Make a paused or disabled subscription active again.

    Example: event-bus subscriptions resume billing.large-orders --from now
    """
    if resume_from not in ("backlog", "now"):
        raise typer.BadParameter("--from must be backlog or now")
    known = state(context)
    current = known.bus.subscriptions.get(subscription_id)
    members = {"resume_from": resume_from} if current["status"] == "paused" else {}
    changed = known.bus.subscriptions.update(subscription_id, status="active", **members)
    known.output.show(Text(f"resumed {subscription_id}", "green"), changed)


@app.command("rotate-secret")
def rotate_secret(
    context: typer.Context,
    subscription_id: SubscriptionId,
    overlap: int | None = typer.Option(
        None, min=0, help="How long the old secret also signs, in seconds."
    ),
) -> None:
    """Replace the signing secret. The bus shows the new one only now.

    Example: event-bus subscriptions rotate-secret billing.large-orders
    """
    known = state(context)
    answer = known.bus.subscriptions.rotate_secret(subscription_id, **given(overlap=overlap))
    known.output.document(answer)


@app.command("test")
def try_event(
    context: typer.Context,
    subscription_id: SubscriptionId,
    event_id: str | None = typer.Option(None, "--event", help="A stored event."),
    event_type: str | None = typer.Option(None, "--type", help="The type of an event to try."),
    payload: str = typer.Option("{}", help="The payload of an event to try, as JSON."),
    file: Path | None = typer.Option(
        None, "--file", help="An event as JSON in a file, - is stdin."
    ),
) -> None:
    """Test an event against a subscription: does it match, and what would be sent?

    Nothing is stored or sent. The exit code is 8 if the event does not match.

    Example: event-bus subscriptions test billing.large-orders --type order.placed
    """
    if sum(each is not None for each in (event_id, event_type, file)) != 1:
        raise typer.BadParameter("name an event by --event, --type or --file, one of them")
    event: dict[str, Any] | str
    if event_id is not None:
        event = event_id
    elif file is not None:
        event = json_object(text_of(file), str(file))
    else:
        event = {"type": event_type, "payload": json_object(payload, "--payload")}
    known = state(context)
    result = known.bus.subscriptions.test(subscription_id, event)
    known.output.show(_tested(result), result)
    if not result.matched:
        raise Ended(Exit.DIFFERENT)


@app.command("explain")
def explain_event(
    context: typer.Context,
    event_id: EventId,
    subscription_id: str | None = typer.Option(None, "--subscription", help="Only this one."),
    limit: int = LIMIT,
) -> None:
    """Explain which subscriptions a stored event matched, and why the others did not.

    Example: event-bus subscriptions explain order-1
    """
    known = state(context)
    found = (
        {
            **plain(each),
            "matched": "yes" if each.matched else "no",
            "why": each.reason and each.reason.detail,
        }
        if not known.as_json
        else each
        for each in known.bus.events.explain(event_id)
        if subscription_id in (None, each.subscription_id)
    )
    show(context, found, limit, "subscription_id", "service_id", "name", "matched", "why")


def _target(text: str | None) -> dict[str, Any] | None:
    if text is None or text.startswith("{"):
        return None if text is None else json_object(text, "--target")
    return {"type": text}


def _followed(
    stream: str | None, category: str | None, source: str | None, from_version: int | None
) -> dict[str, Any] | None:
    """Returns the streams that a subscription follows, as the API takes them."""
    if stream is None and category is None:
        if source is not None or from_version is not None:
            raise typer.BadParameter("--source and --from-version need --stream or --category")
        return None
    if (stream is not None and category is not None) or source is None:
        raise typer.BadParameter("give --stream or --category, one of the two, and --source")
    return given(id=stream, category=category, source=source, from_version=from_version)


def _tested(result: Tested) -> Text:
    said = Text()
    if result.matched:
        said.append("It matches.\n", "green")
    else:
        said.append("It does not match.\n", "red")
    for reason in result.reasons:
        said.append(f"  {reason.pointer}: {reason.detail}\n")
        if reason.suggestion:
            said.append(f"  {reason.suggestion}\n", "yellow")
    for suggestion in result.suggestions:
        said.append(f"  {suggestion}\n", "yellow")
    if result.error:
        said.append(f"Nothing would be sent: {result.error['detail']}\n", "red")
    if result.sent:
        what = "It would receive:" if result.matched else "If it matched, it would receive:"
        said.append(f"{what}\n", "bold")
        said.append(result.sent.get("body") or f"{result.sent['body_base64']} (in base64)")
    said.rstrip()
    return said
