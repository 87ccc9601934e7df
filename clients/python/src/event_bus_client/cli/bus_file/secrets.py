"""The file for keys and signing secrets, which the bus shows once."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from event_bus_client.cli.bus_file.plan import Change
from event_bus_client.errors import ConfigurationError


@dataclass(frozen=True)
class Secret:
    """Something that the bus shows once.

    Attributes:
        resource: The resource in whose answer it was, such as `publishers/shop`.
        member: `api_key` or `signing_secret`.
        value: The secret.
    """

    resource: str
    member: str
    value: str


def hands_out(change: Change) -> bool:
    """Returns whether the answer to a change may hold a secret."""
    if change.action != "create" or change.members is None:
        return False
    if change.kind.name == "publishers":
        given = change.members.get("authentication", {})
        return given.get("type", "api_key") == "api_key" and not given.get("api_key")
    # A callback has a signing secret, and a service without a key is given one.
    return change.kind.name == "subscriptions"


def secrets_in(change: Change, answer: dict[str, Any]) -> Iterator[Secret]:
    """Yields the secrets in the answer to a change."""
    key = (answer.get("authentication") or {}).get("api_key")
    for member, value in (("api_key", key), ("signing_secret", answer.get("signing_secret"))):
        if value:
            yield Secret(change.resource, member, value)


def lost(change: Change, answer: dict[str, Any]) -> bool:
    """Returns whether a signing secret was made whose answer was lost."""
    target = answer.get("target") or {}
    made = change.action == "create" and change.kind.name == "subscriptions"
    return made and target.get("type") == "http" and not answer.get("signing_secret")


class SecretsFile:
    """A file to which secrets are added, one JSON document on each line.

    Only its owner may read it. Each secret is on the disk before the next change is made, so that
    an interruption loses none.
    """

    def __init__(self, file: Path) -> None:
        """Opens the file before anything is made, so that every secret can be stored.

        Raises:
            ConfigurationError: It cannot be written, or others may read it.
        """
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            shared = os.fstat(descriptor).st_mode & 0o077
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be written: {error}") from error
        if shared:
            os.close(descriptor)
            raise ConfigurationError(f"Others may read {file}: run chmod 600 {file} first.")
        self._descriptor = descriptor

    def add(self, secret: Secret) -> None:
        """Adds a secret."""
        document = {"resource": secret.resource, secret.member: secret.value}
        os.write(self._descriptor, (json.dumps(document) + "\n").encode())
        os.fsync(self._descriptor)
