"""Sealing states that hold sensitive values (AES-256-GCM), and opening them again."""

import os
from dataclasses import dataclass

from botocore.exceptions import ClientError

from event_bus.encryption.data_keys import REFUSED, DataKeys
from event_bus.encryption.payload_seal import NotOpened, cipher

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class StateSeal:
    """Seals and opens states, under data keys like those of payloads.

    Attributes:
        keys: The keys that encrypt.
    """

    keys: DataKeys

    def close(self, state: bytes, place: str) -> tuple[bytes, bytes]:
        """Seals a state.

        Args:
            state: The state.
            place: Identifies the state; it opens only under the same text.

        Returns:
            The sealed state, and the sealed key.
        """
        key, nonce = self.keys.for_sealing(), os.urandom(_NONCE_BYTES)
        return nonce + cipher(key.plain).encrypt(nonce, state, place.encode()), key.sealed

    def open(self, sealed: bytes, key: bytes, place: str) -> bytes:
        """Opens a state.

        Raises:
            NotOpened: It was changed, or it was sealed under another place.
            ClientError: KMS does not open the data key.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415

        try:
            opened: bytes = cipher(self.keys.opened(key)).decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode()
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in REFUSED:
                raise NotOpened(place) from None
            raise
        except (InvalidTag, ValueError):
            raise NotOpened(place) from None
        return opened
