"""The commands of `event-bus`."""

import json
import sys
from typing import Any

import typer

from event_bus_client.cli import (
    codegen,
    commands,
    contexts,
    dead_letters,
    events,
    insight,
    local,
    publishers,
    read_models,
    reducers,
    replays,
    schemas,
    streams,
    subscriptions,
)
from event_bus_client.cli.apply import apply, export
from event_bus_client.cli.context import State
from event_bus_client.cli.doctor import doctor
from event_bus_client.cli.exits import Exit, failures_shown
from event_bus_client.cli.groups import Group
from event_bus_client.cli.listen import listen
from event_bus_client.cli.login import login, logout
from event_bus_client.cli.naming import name_options
from event_bus_client.cli.terminal import in_utf8, prepare, watched
from event_bus_client.errors import Problem
from event_bus_client.version import VERSION


class Root(Group):
    """The command `event-bus`. It takes `--json` after the command, too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Moves `--json` to where it is declared."""
        end = args.index("--") if "--" in args else len(args)
        ours = [each for each in args[:end] if each != "--json"]
        if len(ours) < end:
            args = ["--json", *ours, *args[end:]]
            # Also a failure to parse the other options is then shown as JSON.
            ctx.ensure_object(State).as_json = True
        with watched():
            rest: list[str] = super().parse_args(ctx, args)
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Runs a command; a problem names the command's options."""
        try:
            with watched():
                return super().invoke(ctx)
        except Problem as problem:
            command = ctx.ensure_object(State).command
            if command is not None:
                name_options(problem, command)
            raise


app = typer.Typer(
    name="event-bus",
    cls=Root,
    help="Work with an Event Bus Service from the command line.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(login)
app.command()(logout)
app.command()(insight.status)
app.command()(doctor)
app.command()(events.publish)
app.command()(listen)
app.add_typer(events.app, name="events")
app.add_typer(subscriptions.app, name="subscriptions")
app.add_typer(dead_letters.app, name="dead-letters")
app.command()(replays.replay)
app.add_typer(replays.app, name="replays")
app.add_typer(streams.app, name="streams")
app.add_typer(publishers.publishers, name="publishers")
app.add_typer(publishers.keys, name="keys")
app.add_typer(schemas.app, name="schemas")
app.add_typer(reducers.app, name="reducers")
app.add_typer(read_models.app, name="read-models")
app.command()(read_models.states)
app.add_typer(commands.app, name="commands")
app.add_typer(contexts.app, name="contexts")
app.command()(insight.metrics)
app.command()(apply)
app.command()(export)
app.add_typer(codegen.app, name="codegen")
app.add_typer(local.app, name="local")


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        as_json = context.ensure_object(State).as_json
        typer.echo(json.dumps({"version": VERSION}) if as_json else f"event-bus {VERSION}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    profile: str | None = typer.Option(
        None, envvar="EVENT_BUS_PROFILE", help="The profile that `login` has stored."
    ),
    url: str | None = typer.Option(None, help="The URL of the bus, instead of the profile's."),
    api_key: str | None = typer.Option(
        None, help="The key, instead of the profile's. It is safer in EVENT_BUS_API_KEY."
    ),
    ca_file: str | None = typer.Option(
        None, help="A file of certificates to trust, such as that of a local bus."
    ),
    as_json: bool = typer.Option(
        False, "--json", help="Print JSON: a document, or a line for each item of a list."
    ),
    _: bool = typer.Option(
        False,
        "--version",
        callback=_show_version,
        is_eager=True,
        help="Print the version of the command line.",
    ),
) -> None:
    """Work with an Event Bus Service from the command line."""
    known = context.ensure_object(State)
    known.profile, known.url, known.api_key = profile, url, api_key
    known.ca_file, known.as_json = ca_file, as_json


def main(arguments: list[str] | None = None, known: State | None = None) -> None:
    """Runs the command line.

    Args:
        arguments: Its arguments; None for those of the program.
        known: What the options before the command are stored in.
    """
    known = known or State()
    prepare()
    with failures_shown(known):
        given = [in_utf8(each) for each in (sys.argv[1:] if arguments is None else arguments)]
        code = app(given, prog_name="event-bus", obj=known, standalone_mode=False)
        sys.exit(code if isinstance(code, int) else Exit.DONE)
