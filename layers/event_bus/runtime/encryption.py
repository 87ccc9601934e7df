"""Builds the keys that encrypt data, and the secrets that sign webhooks."""

from typing import TYPE_CHECKING

from event_bus import clients
from event_bus.settings import settings

if TYPE_CHECKING:
    from event_bus.encryption.data_keys import DataKeys
    from event_bus.encryption.signing_secrets import SigningSecrets


def data_keys() -> "DataKeys":
    """Makes the `DataKeys` that encrypt payloads and states."""
    from event_bus.encryption.data_keys import DataKeys

    return DataKeys(clients.kms(), settings().sealing_key)


def answer_keys() -> "DataKeys":
    """Makes the `DataKeys` that encrypt answers to requests with an `Idempotency-Key`."""
    from event_bus.encryption.data_keys import KEPT_ANSWERS, DataKeys

    return DataKeys(clients.kms(), settings().sealing_key, purpose=KEPT_ANSWERS)


def signing_secrets() -> "SigningSecrets":
    """Makes the `SigningSecrets`, which makes and opens the secrets of subscriptions."""
    from event_bus.encryption.signing_secrets import SigningSecrets

    return SigningSecrets(clients.kms(), settings().sealing_key)
