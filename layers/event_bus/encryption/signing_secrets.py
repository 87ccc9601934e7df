"""Signing secrets: sealed by KMS for the table, opened for a delivery."""

import base64
import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from event_bus import times
from event_bus.cache import Cache
from event_bus.encryption.data_keys import REFUSED
from event_bus.log import logger
from event_bus.model.subscription import SealedSecret, Subscription

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_kms import KMSClient

PURPOSE = "signing-secret"
"""The purpose of the key in the encryption context."""

MAX_SECRETS = 3
"""How many secrets of a subscription sign at a time: the latest, and those that it replaced."""

_OPENED_SECRETS = 10_000
_DAMAGED = "the sealed signing secret is damaged"


class SecretNotOpened(Exception):
    """A signing secret that cannot be opened, so that nothing can be signed.

    Attributes:
        detail: Why.
        damaged: Whether the sealed secret was changed where it is stored, so that another try would
            fail in the same way. If not, KMS denies its use or does not answer.
    """

    def __init__(self, detail: str, *, damaged: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.damaged = damaged


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
        """Returns the secrets that sign deliveries to a subscription, the latest first.

        A damaged secret that was replaced is left out, so that a rotation repairs a subscription.

        Raises:
            SecretNotOpened: The latest cannot be opened, or KMS does not open one of the others.
        """
        opened = []
        for place, secret in enumerate(subscription.signing_secrets):
            if not secret.signs(times.unix()):
                continue
            known = secret.sealed, subscription.id
            try:
                opened.append(self._opened.fetch(known, partial(self._open, *known)))
            except SecretNotOpened as failure:
                logger.exception("signing secret not opened", subscription_id=subscription.id)
                if place == 0 or not failure.damaged:
                    raise
        return opened

    def _open(self, sealed: str, subscription_id: str) -> str:
        try:
            answer = self.client.decrypt(
                KeyId=self.key,
                CiphertextBlob=base64.b64decode(sealed, validate=True),
                EncryptionContext=_context(subscription_id),
            )
            return answer["Plaintext"].decode()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in REFUSED:
                raise SecretNotOpened(_DAMAGED, damaged=True) from error
            raise SecretNotOpened(f"KMS did not open the signing secret ({code})") from error
        except BotoCoreError as error:
            raise SecretNotOpened(
                "KMS did not answer when asked to open the signing secret"
            ) from error
        except ValueError as error:
            raise SecretNotOpened(_DAMAGED, damaged=True) from error


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
