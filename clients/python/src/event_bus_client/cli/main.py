"""The commands of `event-bus`."""

import typer

from event_bus_client.cli import events, registered
from event_bus_client.cli.context import State, state
from event_bus_client.cli.exits import failures_shown
from event_bus_client.cli.listen import listen
from event_bus_client.cli.login import login

app = typer.Typer(
    name="event-bus",
    help="Work with an Event Bus Service from the command line.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(login)
app.command()(events.publish)
app.command()(listen)
app.add_typer(events.app, name="events")
app.add_typer(registered.publishers, name="publishers")
app.add_typer(registered.subscriptions, name="subscriptions")
app.add_typer(registered.dead_letters, name="dead-letters")
app.add_typer(registered.replays, name="replays")


@app.callback()
def options(
    context: typer.Context,
    profile: str | None = typer.Option(None, envvar="EVENT_BUS_PROFILE", help="The profile."),
    url: str | None = typer.Option(None, help="The URL of the bus."),
    api_key: str | None = typer.Option(None, help="The key. It is safer in the environment."),
    ca_file: str | None = typer.Option(None, help="Certificates to trust, as for a local bus."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON: a line for each item."),
) -> None:
    """Work with an Event Bus Service from the command line."""
    given = context.ensure_object(State)
    given.profile, given.url, given.api_key = profile, url, api_key
    given.ca_file, given.as_json = ca_file, as_json


@app.command()
def status(context: typer.Context) -> None:
    """Show whether the bus is ready."""
    given = state(context)
    given.output.document(given.bus.health())


def main() -> None:
    """Runs the command line."""
    with failures_shown():
        app()
