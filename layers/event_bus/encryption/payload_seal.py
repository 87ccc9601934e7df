"""Sealing the sensitive part of a payload (AES-256-GCM), and opening it again."""

import base64
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from event_bus import json_numbers
from event_bus.encryption.data_keys import REFUSED, DataKeys
from event_bus.model.event import Event
from event_bus.model.sensitive import put_back, take_out

_NONCE_BYTES = 12


class NotOpened(Exception):
    """The sealed part was changed, or belongs to another event."""


@dataclass(frozen=True, slots=True)
class PayloadSeal:
    """Seals and opens payloads.

    Attributes:
        keys: The keys that encrypt.
    """

    keys: DataKeys

    def close(self, event: Event, pointers: Sequence[str]) -> Event:
        """Seals the sensitive parts of an event.

        Its digest is keyed from then on; otherwise, the digest would help to guess a short sealed
        value.

        Args:
            event: The event, with its payload.
            pointers: JSON pointers to the sensitive parts of its payload.

        Returns:
            The event with markers in its payload, and the parts sealed; the same event, if the
            pointers lead to nothing.
        """
        shown, values = take_out(json_numbers.loads(event.payload or b"{}"), pointers)
        if not values:
            return event
        key = self.keys.for_sealing()
        nonce = os.urandom(_NONCE_BYTES)
        encrypted = cipher(key.plain).encrypt(nonce, json_numbers.dumps(values), _bound_to(event))
        payload, sealed = json_numbers.dumps(shown), base64.b64encode(nonce + encrypted)
        return replace(
            event,
            payload=payload,
            payload_bytes=len(payload) + len(sealed),
            digest=_keyed(event.digest, key.plain),
            sealed_key=base64.b64encode(key.sealed).decode(),
            sealed=sealed.decode(),
        )

    def open(self, event: Event) -> Event:
        """Returns the event as it was before it was sealed, except for its digest.

        Args:
            event: The event, with its payload.

        Raises:
            NotOpened: The sealed part was changed, or belongs to another event.
            ClientError: KMS does not open the data key.
        """
        if event.sealed_key is None:
            return event
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415

        try:
            opener = cipher(self._opened(event.sealed_key))
            sealed = base64.b64decode(event.sealed or "", validate=True)
            nonce, encrypted = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            values = json_numbers.loads(opener.decrypt(nonce, encrypted, _bound_to(event)))
            payload = json_numbers.dumps(
                put_back(json_numbers.loads(event.payload or b"{}"), values)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in REFUSED:
                raise NotOpened(event.id) from None
            raise
        except (InvalidTag, ValueError, LookupError, TypeError):
            raise NotOpened(event.id) from None
        return replace(
            event, payload=payload, payload_bytes=len(payload), sealed_key=None, sealed=None
        )

    def is_digest(self, digest: str, stored: Event) -> bool:
        """Returns whether a possibly sealed event has the content of this digest."""
        if stored.sealed_key:
            digest = _keyed(digest, self._opened(stored.sealed_key))
        return hmac.compare_digest(digest, stored.digest)

    def _opened(self, sealed_key: str) -> bytes:
        return self.keys.opened(base64.b64decode(sealed_key, validate=True))


def _bound_to(event: Event) -> bytes:
    # No part contains a line break, so no two events share this text.
    return f"{event.id}\n{event.type}\n{event.source}".encode()


def _keyed(digest: str, key: bytes) -> str:
    # The digest has a key of its own, because the data key is for the cipher.
    own = hmac.digest(key, b"digest", "sha256")
    return hmac.new(own, digest.encode(), "sha256").hexdigest()


def cipher(key: bytes) -> Any:
    """Returns the cipher of a data key."""
    # Imported here: functions without sensitive parts do not load it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(key)
