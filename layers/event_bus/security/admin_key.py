"""The first admin key, which is made at deploy and kept in Secrets Manager."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_bus import times

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS = 60.0
"""How late a new value of the secret acts."""


@dataclass(slots=True)
class AdminKey:
    """Reads the admin key, at most once a minute.

    Attributes:
        client: The Secrets Manager client.
        secret: The secret's ARN.
        clock: Seconds that only grow.
    """

    client: "SecretsManagerClient"
    secret: str
    clock: Callable[[], float] = times.steady
    _value: str = ""
    _until: float = 0.0

    def read(self) -> str:
        """The admin key."""
        now = self.clock()
        if not self._value or now >= self._until:
            self._value = self.client.get_secret_value(SecretId=self.secret)["SecretString"]
            self._until = now + CACHE_SECONDS
        return self._value
