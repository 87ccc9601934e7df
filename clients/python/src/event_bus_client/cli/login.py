"""`event-bus login`: stores a URL and a key in a profile."""

import json
import os
from pathlib import Path

import typer

from event_bus_client._sync.client import EventBus
from event_bus_client.cli.context import state
from event_bus_client.config import DEFAULT_FILE, FILE_VARIABLE, profiles


def login(
    context: typer.Context,
    url: str = typer.Option(..., prompt="URL of the bus", help="The base URL of the API."),
    api_key: str = typer.Option(..., prompt="API key", hide_input=True, help="The key."),
) -> None:
    """Store the URL and a key of a bus in a profile, after trying them.

    Example: event-bus --profile staging login --url https://bus.example.com
    """
    given = state(context)
    with EventBus(url, api_key, ca_file=given.ca_file, transport=given.transport) as bus:
        bus.events.list(limit=1).page()
    name = given.profile or "default"
    file = Path(os.environ.get(FILE_VARIABLE) or DEFAULT_FILE).expanduser()
    stored = profiles(file)
    stored[name] = {"url": url, "api_key": api_key}
    if given.ca_file:
        stored[name]["ca_file"] = given.ca_file
    _write(file, stored)
    given.output.line(f"Profile {name} is stored in {file}.", "green")


def _write(file: Path, stored: dict[str, dict[str, str]]) -> None:
    """Writes the profiles so that nobody else may read the keys, not even for a moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    for name, members in stored.items():
        # A JSON string is a basic string of TOML.
        lines.append(f"[{json.dumps(name)}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in members.items()]
        lines.append("")
    beside = file.with_name(file.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write("\n".join(lines))
    beside.replace(file)
