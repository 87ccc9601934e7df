"""Signing secrets: sealed by KMS for the table, opened for a delivery."""

import base64
import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from event_bus import times
from event_bus.cache import Cache
from event_bus.model.subscription import SealedSecret, Subscription

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_kms import KMSClient

PURPOSE = "signing-secret"
"""The purpose of the key in the encryption context."""

MAX_SECRETS = 3
"""How many secrets of a subscription sign at a time: the latest, and those that it replaced."""

_OPENED_SECRETS = 10_000


@dataclass(slots=True)
class SigningSecrets:
    """Seals and opens the signing secrets of subscriptions.

    KMS binds a sealed secret to its subscription, so it does not open for another one
    (https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html).

    Attributes:
        client: The KMS client.
        key: The ARN of the key.
    """

    client: "KMSClient"
    key: str
    _opened: Cache[tuple[str, str], str] = field(
        default_factory=lambda: Cache(math.inf, _OPENED_SECRETS)
    )

    def seal(self, secret: str, subscription_id: str) -> SealedSecret:
        """Returns the sealed form of a secret."""
        answer = self.client.encrypt(
            KeyId=self.key,
            Plaintext=secret.encode(),
            EncryptionContext=_context(subscription_id),
        )
        return SealedSecret(base64.b64encode(answer["CiphertextBlob"]).decode())

    def of(self, subscription: Subscription) -> "Sequence[str]":
        """Returns the secrets that sign deliveries to a subscription, the latest first."""
        return [
            self._opened.fetch(
                (each.sealed, subscription.id), partial(self._open, each.sealed, subscription.id)
            )
            for each in subscription.signing_secrets
            if each.signs(times.unix())
        ]

    def _open(self, sealed: str, subscription_id: str) -> str:
        answer = self.client.decrypt(
            KeyId=self.key,
            CiphertextBlob=base64.b64decode(sealed),
            EncryptionContext=_context(subscription_id),
        )
        return answer["Plaintext"].decode()


def rotated(
    secrets: "Sequence[SealedSecret]", latest: SealedSecret, overlap: int
) -> tuple[SealedSecret, ...]:
    """Returns the secrets of a subscription after a rotation.

    Args:
        secrets: Its present secrets, the latest first.
        latest: The new one.
        overlap: For how many more seconds the former secrets sign at most.
    """
    now = times.unix()
    until = int(now + overlap)
    going_on = [each.ending(until) for each in secrets]
    return latest, *[each for each in going_on if each.signs(now)][: MAX_SECRETS - 1]


def _context(subscription_id: str) -> dict[str, str]:
    return {"purpose": PURPOSE, "subscription": subscription_id}
