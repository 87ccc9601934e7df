"""`event-bus publishers` and `event-bus keys`."""

from collections.abc import Callable
from typing import TypeVar

import typer

from event_bus_client import Key
from event_bus_client._sync.keys import Keys
from event_bus_client.cli.context import State, state
from event_bus_client.cli.groups import Group
from event_bus_client.cli.options import LIMIT, YES, KeyId, ServiceId, given, moment, show, sure
from event_bus_client.errors import NotFound

Answer = TypeVar("Answer")

publishers = typer.Typer(cls=Group, help="The services that publish.", no_args_is_help=True)
keys = typer.Typer(cls=Group, help="The keys of a service.", no_args_is_help=True)


@publishers.command("list")
def list_publishers(context: typer.Context, limit: int = LIMIT) -> None:
    """List publishers.

    Example: event-bus publishers list
    """
    show(context, state(context).bus.publishers.list(), limit, "service_id", "name", "event_types")


@publishers.command("get")
def get_publisher(context: typer.Context, service_id: ServiceId) -> None:
    """Show one publisher.

    Example: event-bus publishers get shop
    """
    known = state(context)
    known.output.document(known.bus.publishers.get(service_id))


@publishers.command("register")
def register_publisher(
    context: typer.Context,
    service_id: ServiceId,
    event_types: list[str] = typer.Argument(..., help="What it may publish: types or patterns."),
    name: str | None = typer.Option(None, help="A name for people."),
) -> None:
    """Register a service that publishes. The bus shows its key only now.

    Example: event-bus publishers register shop 'order.*'
    """
    known = state(context)
    members = given(service_id=service_id, event_types=event_types, name=name)
    known.output.document(known.bus.publishers.create(**members))


@publishers.command("delete")
def delete_publisher(context: typer.Context, service_id: ServiceId, yes: bool = YES) -> None:
    """Remove a publisher. The keys of its service are removed, too, if it has no subscriptions.

    Example: event-bus publishers delete shop
    """
    sure(f"Remove the publisher {service_id}?", yes)
    known = state(context)
    known.bus.publishers.delete(service_id)
    known.output.line(f"removed {service_id}", "green")


@keys.command("list")
def list_keys(context: typer.Context, service_id: ServiceId) -> None:
    """List the keys of a service, the oldest first.

    Example: event-bus keys list shop
    """
    known = state(context)
    known.output.rows(
        keys_of(known, service_id),
        ("id", "name", "scopes", "expires_at", "last_used_at", "replaced_by"),
    )


@keys.command("create")
def create_key(
    context: typer.Context,
    service_id: ServiceId,
    name: str | None = typer.Option(None, help="A name for people."),
    scopes: list[str] = typer.Option(
        [], "--scope", help="publish, read, receive, recover or manage; may be repeated."
    ),
    expires_at: str | None = typer.Option(None, help="When it ends (RFC 3339)."),
    rate_limit: int | None = typer.Option(None, help="Requests a second; only admins may set it."),
) -> None:
    """Create another key for a service. The bus shows it only now.

    Example: event-bus keys create shop --name 'nightly import' --scope publish
    """
    wanted = given(name=name, scopes=scopes, expires_at=moment(expires_at), rate_limit=rate_limit)
    known = state(context)
    known.output.document(_either(known, lambda keys: keys.create(service_id, **wanted)))


@keys.command("rotate")
def rotate_key(
    context: typer.Context,
    service_id: ServiceId,
    key_id: KeyId,
    overlap: int | None = typer.Option(
        None, min=0, help="How long the old key stays valid, in seconds; a day by default."
    ),
) -> None:
    """Replace a key. The bus shows the new one only now; the old one ends after the overlap.

    Example: event-bus keys rotate shop ebk_5f0c6e0e2b9d4a7c8e13 --overlap 3600
    """
    known = state(context)
    known.output.document(
        _either(known, lambda keys: keys.rotate(service_id, key_id, overlap=overlap))
    )


@keys.command("revoke")
def revoke_key(
    context: typer.Context, service_id: ServiceId, key_id: KeyId, yes: bool = YES
) -> None:
    """Revoke a key: it is refused everywhere after 30 seconds at most.

    Example: event-bus keys revoke shop ebk_5f0c6e0e2b9d4a7c8e13
    """
    sure(f"Revoke {key_id}?", yes)
    known = state(context)
    _either(known, lambda keys: keys.revoke(service_id, key_id))
    known.output.line(f"revoked {key_id}", "green")


def keys_of(known: State, service_id: str) -> list[Key]:
    """Returns the keys of a service, whether it publishes or only receives."""
    return _either(known, lambda keys: keys.list(service_id))


def _either(known: State, call: Callable[[Keys], Answer]) -> Answer:
    """Calls an operation on keys. A service that only receives has them as a subscriber."""
    try:
        return call(known.bus.publishers.keys)
    except NotFound as of_publisher:
        try:
            return call(known.bus.subscribers.keys)
        except NotFound as of_subscriber:
            # The service may publish or receive, so both answers are shown.
            said = f"{of_publisher.detail} {of_subscriber.detail}"
            document = {**of_publisher.document, "detail": said}
            raise NotFound(
                kind=of_publisher.kind,
                status=of_publisher.status,
                title=of_publisher.title,
                detail=said,
                request_id=of_publisher.request_id,
                document=document,
            ) from None
