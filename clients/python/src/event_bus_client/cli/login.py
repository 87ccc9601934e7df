"""`event-bus login` and `logout`: the URLs and keys in profiles."""

import json
import os
import sys
from pathlib import Path

import httpx
import typer

from event_bus_client._sync.events import Events
from event_bus_client._sync.transport import Transport
from event_bus_client.calls import RetryPolicy
from event_bus_client.cli.context import State, state
from event_bus_client.config import (
    CA_VARIABLE,
    Config,
    Profile,
    checked,
    profiles,
    profiles_file,
)
from event_bus_client.errors import ConfigurationError
from event_bus_client.keyrings import forget, keep

_TRY_SECONDS = 30.0
"""How long an attempt to reach the bus may take, in seconds."""


def login(
    context: typer.Context,
    url: str = typer.Option(
        ...,
        prompt="URL of the bus",
        help="The base URL of the API. You are asked for it by default.",
    ),
    api_key: str | None = typer.Option(
        None, help="The key; - reads it from stdin. You are asked for it by default."
    ),
    websocket_url: str | None = typer.Option(
        None, help="The URL for WebSockets, over which `listen` receives."
    ),
    use_keyring: bool = typer.Option(
        True, "--keyring/--no-keyring", help="Whether to keep the key in the keyring."
    ),
) -> None:
    """Store the URL and a key of a bus in a profile, after trying them.

    The key is kept in the keyring of the machine if there is one (extra `keyring`), and otherwise
    in the file of profiles, which only you can read.

    Example: event-bus --profile staging login --url https://bus.example.com
    """
    known = state(context)
    key = sys.stdin.readline().strip() if api_key == "-" else api_key or ask()
    if not key:
        raise typer.BadParameter("stdin has no key")
    # Without the profile, which may not exist yet, or whose key may be lost.
    ca_file = known.ca_file or os.environ.get(CA_VARIABLE)
    _try(checked(url, key, ca_file, websocket_url), known.transport)
    name, file = _profile(known), profiles_file()
    members: Profile = {"url": url}
    kept = use_keyring and keep(name, url, key)
    if kept:
        members["api_key_in"] = "keyring"
    else:
        members["api_key"] = key
    if known.ca_file:
        members["ca_file"] = known.ca_file
    if websocket_url:
        members["websocket_url"] = websocket_url
    _write(file, {**profiles(file), name: members})
    place = "the keyring" if kept else str(file)
    known.output.line(f"Profile {name} is stored in {file}, its key in {place}.", "green")


def logout(context: typer.Context) -> None:
    """Remove a profile with its key. The key itself stays valid until it is revoked.

    Example: event-bus --profile staging logout
    """
    known = state(context)
    name, file = _profile(known), profiles_file()
    stored = profiles(file)
    removed = stored.pop(name, None)
    if removed is None:
        raise ConfigurationError(f"There is no profile [{name}] in {file}.")
    if removed.get("api_key_in") == "keyring":
        forget(name, removed.get("url", ""))
    _write(file, stored)
    known.output.line(f"Profile {name} is removed from {file}, with its key.", "green")


def _try(config: Config, network: httpx.BaseTransport | None) -> None:
    """Sends a request with the key.

    Args:
        config: Where the bus is, and the key.
        network: Replaces the network, as tests do.

    Raises:
        EventBusError: The bus does not answer, or refuses the key.
    """
    transport = Transport(config, timeout=_TRY_SECONDS, retries=RetryPolicy(), transport=network)
    try:
        Events(transport).list(limit=1).page()
    finally:
        transport.close()


def ask() -> str:
    """Asks for a key, and hides it in a terminal."""
    # Elsewhere nothing is echoed, and Python would warn that it cannot hide the input.
    key: str = typer.prompt("API key", hide_input=sys.stdin.isatty())
    return key


def _profile(known: State) -> str:
    return known.profile or "default"


def _write(file: Path, stored: dict[str, Profile]) -> None:
    """Writes the profiles so that nobody else may read the keys, not even for a moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    for name, members in stored.items():
        lines.append(f"[{_basic(name)}]")
        lines += [f"{_basic(key)} = {_basic(value)}" for key, value in members.items()]
        lines.append("")
    beside = file.with_name(file.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write("\n".join(lines))
    beside.replace(file)


def _basic(text: str) -> str:
    """Returns a basic string of TOML: that of JSON, without half surrogate pairs."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
