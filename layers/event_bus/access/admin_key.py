"""The admin key, created by the deployment and kept in Secrets Manager."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from event_bus import times
from event_bus.cache import Cache
from event_bus.log import logger

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS = 30.0
"""How long the secret is cached, in seconds."""

AGAIN_AT_ONCE, AGAIN_SECONDS = 3, 10.0
"""How many times unknown keys may cause a read of the secret in a row, and the seconds until each
further read."""

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
    """Reads the admin key from Secrets Manager, and caches it for `CACHE_SECONDS`.

    Attributes:
        client: The Secrets Manager client.
        secret: The secret's ARN.
        clock: Monotonic clock, in seconds.
    """

    client: "SecretsManagerClient"
    secret: str
    clock: Callable[[], float] = times.steady
    _known: Cache[str, AdminSecret] = field(init=False)
    _spent_until: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._known = Cache(CACHE_SECONDS, 1, self.clock)

    def read(self) -> AdminSecret:
        """Returns the admin key.

        Raises:
            ClientError: Secrets Manager refused the read.
            BotoCoreError: Secrets Manager did not answer.
        """
        return self._known.fetch(self.secret, self._read)

    def read_again(self) -> AdminSecret:
        """Returns the admin key, read again because a request sent an unknown key.

        A new admin key thus works at once. Unknown keys cause at most three reads in a row, and
        then one in ten seconds. Beyond that, or if the read fails, this returns the cached key.
        """
        now = self.clock()
        spent_until = max(self._spent_until, now)
        if spent_until - now <= AGAIN_SECONDS * (AGAIN_AT_ONCE - 1):
            self._spent_until = spent_until + AGAIN_SECONDS
            try:
                self._known.put(self.secret, self._read())
            except (BotoCoreError, ClientError):
                logger.exception("admin key not read again")
        return self.read()

    def _read(self) -> AdminSecret:
        answer = self.client.get_secret_value(SecretId=self.secret)
        return AdminSecret(answer["SecretString"], f"{_ID}{answer['VersionId']}")


def is_admin_key(key_id: str) -> bool:
    """Returns whether an identifier is that of an admin key."""
    return key_id.startswith(_ID)


def current_id(client: "SecretsManagerClient", secret: str) -> str:
    """Returns the identifier of the present admin key, for functions that may not read the key."""
    versions = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    [current] = [each for each, stages in versions.items() if "AWSCURRENT" in stages]
    return f"{_ID}{current}"
