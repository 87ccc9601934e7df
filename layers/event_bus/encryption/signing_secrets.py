"""Signing secrets, sealed by KMS for the table and opened for deliveries."""

import base64
import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from event_bus import times
from event_bus.cache import Cache
from event_bus.model.registration import SealedSecret, Subscription

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_kms import KMSClient

PURPOSE = "signing-secret"
"""The purpose in the encryption context."""

MAX_SECRETS = 3
"""The most secrets of a subscription that sign at the same time: the latest and those before it."""

_OPENED_SECRETS = 10_000


@dataclass(slots=True)
class SigningSecrets:
    """Seals and opens the signing secrets of subscriptions.

    KMS binds a sealed secret to its subscription; it does not open for another one
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
        """Seals a secret for the table."""
        answer = self.client.encrypt(
            KeyId=self.key,
            Plaintext=secret.encode(),
            EncryptionContext=_context(subscription_id),
        )
        return SealedSecret(base64.b64encode(answer["CiphertextBlob"]).decode())

    def of(self, subscription: Subscription) -> "Sequence[str]":
        """The secrets that sign deliveries to a subscription, latest first."""
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
    """The secrets of a subscription after a rotation.

    Args:
        secrets: Its present secrets, latest first.
        latest: The new one.
        overlap: The most seconds for which the present secrets continue to sign.
    """
    now = times.unix()
    until = int(now + overlap)
    going_on = [each.ending(until) for each in secrets]
    return latest, *[each for each in going_on if each.signs(now)][: MAX_SECRETS - 1]


def _context(subscription_id: str) -> dict[str, str]:
    return {"purpose": PURPOSE, "subscription": subscription_id}
