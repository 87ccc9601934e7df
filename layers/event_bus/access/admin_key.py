"""The admin key, created by the deployment and kept in Secrets Manager."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from event_bus import times
from event_bus.cache import Cache

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS = 30.0
"""How long the secret is cached, in seconds."""

_ID = "admin_"


@dataclass(frozen=True, slots=True)
class AdminSecret:
    """A value of the admin key.

    Attributes:
        value: The key itself.
        id: The identifier of this value; not secret.
    """

    value: str
    id: str


@dataclass(slots=True)
class AdminKey:
    """Reads the admin key, at most twice a minute.

    Attributes:
        client: The Secrets Manager client.
        secret: The secret's ARN.
        clock: Monotonic clock, in seconds.
    """

    client: "SecretsManagerClient"
    secret: str
    clock: Callable[[], float] = times.steady
    _known: Cache[str, AdminSecret] = field(init=False)

    def __post_init__(self) -> None:
        self._known = Cache(CACHE_SECONDS, 1, self.clock)

    def read(self) -> AdminSecret:
        """The admin key."""
        return self._known.fetch(self.secret, self._read)

    def _read(self) -> AdminSecret:
        answer = self.client.get_secret_value(SecretId=self.secret)
        return AdminSecret(answer["SecretString"], f"{_ID}{answer['VersionId']}")


def is_admin_key(key_id: str) -> bool:
    """Whether an identifier is that of an admin key."""
    return key_id.startswith(_ID)


def current_id(client: "SecretsManagerClient", secret: str) -> str:
    """The identifier of the present admin key, for functions that may not read the key."""
    versions = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    [current] = [each for each, stages in versions.items() if "AWSCURRENT" in stages]
    return f"{_ID}{current}"
