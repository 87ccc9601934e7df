"""Signatures of deliveries, after Standard Webhooks (https://www.standardwebhooks.com)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

_PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """Returns a new signing secret: `whsec_` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(
    message_id: str, timestamp: int, body: bytes, known: Sequence[str]
) -> dict[str, str]:
    """Returns the three headers by which a receiver checks a delivery.

    Args:
        message_id: The identifier, the same on every attempt.
        timestamp: The time of this attempt, Unix seconds.
        body: The body, byte for byte as it is sent.
        known: The subscription's secrets; a receiver needs to know one of them.
    """
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_signature(each, signed)}" for each in known),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
