"""Short-lived tokens by which a browser, which cannot send a key, follows one subscription."""

import base64
import hashlib
import hmac

from event_bus import times

LIFETIME_SECONDS = 3_600
"""How long a token is good for."""


def issue(subscription_id: str, secret: str) -> tuple[str, float]:
    """A new token.

    Args:
        subscription_id: The subscription that it is for.
        secret: The subscription's secret.

    Returns:
        The token, and until when it is good, in Unix seconds.
    """
    until = int(times.unix()) + LIFETIME_SECONDS
    return f"{until}.{_signature(subscription_id, until, secret)}", until


def is_good(token: str, subscription_id: str, secret: str) -> bool:
    """Whether a token is for this subscription, and its time is not over."""
    stated, _, signature = token.partition(".")
    if not (stated.isascii() and stated.isdigit() and len(stated) < 12):
        return False
    until = int(stated)
    expected = _signature(subscription_id, until, secret)
    return hmac.compare_digest(expected.encode(), signature.encode()) and times.unix() < until


def _signature(subscription_id: str, until: int, secret: str) -> str:
    signed = f"stream.{subscription_id}.{until}".encode()
    digest = hmac.digest(secret.encode(), signed, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
