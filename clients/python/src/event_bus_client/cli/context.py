"""The context of every command: the bus, and the output."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx
import typer

from event_bus_client._sync.client import EventBus
from event_bus_client.cli.output import Output
from event_bus_client.config import Config, resolve


@dataclass
class State:
    """The options before the command.

    Attributes:
        profile: The profile to use.
        url: The URL to use instead of the profile's.
        api_key: The key to use instead of the profile's.
        ca_file: Certificates to trust.
        as_json: Whether to print JSON.
        transport: Replaces the network, as tests do.
        context: What a failure is about, as members of its JSON.
        command: The command that runs, as Click knows it.
    """

    profile: str | None = None
    url: str | None = None
    api_key: str | None = None
    ca_file: str | None = None
    as_json: bool = False
    transport: httpx.BaseTransport | None = field(default=None, repr=False)
    context: dict[str, Any] = field(default_factory=dict, repr=False)
    command: Any = field(default=None, repr=False)

    @cached_property
    def config(self) -> Config:
        """Where the bus is, and the key to send."""
        return resolve(self.url, self.api_key, self.profile, self.ca_file)

    @cached_property
    def bus(self) -> EventBus:
        """The bus."""
        return EventBus(
            self.url,
            self.api_key,
            profile=self.profile,
            ca_file=self.ca_file,
            transport=self.transport,
        )

    @property
    def key_id(self) -> str | None:
        """The id of the key in use, which a key that the bus generated begins with."""
        key = self.config.api_key or ""
        key_id, dot, _ = key.partition(".")
        return key_id if dot and key_id.startswith("ebk_") else None

    @cached_property
    def output(self) -> Output:
        """Where answers go."""
        return Output(as_json=self.as_json)


def state(context: typer.Context) -> State:
    """Returns the state of a command."""
    found = context.ensure_object(State)
    found.command = context.command
    return found
