"""API keys: made, checked and hashed."""

import hashlib
import secrets
from dataclasses import dataclass

MIN_CHOSEN_LENGTH, MAX_CHOSEN_LENGTH = 16, 256


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key: who it stands for, and never the key.

    Attributes:
        key_hash: The hash by which it is found.
        service_id: The service that it stands for.
        created_at: When it was made, RFC 3339.
        expires_at: Until when it is good, in Unix seconds, if it is a stream token: one of these
            permits to listen, and nothing else.
        subscription_id: The one subscription that a stream token is for, if it is for one.
    """

    key_hash: str
    service_id: str
    created_at: str
    expires_at: int | None = None
    subscription_id: str | None = None


def generate_key() -> str:
    """A new key with 256 random bits."""
    return "ebk_" + secrets.token_urlsafe(32)


def generate_token() -> str:
    """A new stream token, as hard to guess as a key."""
    return "ebt_" + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """The SHA-256 of a key, in hexadecimal.

    A key is found by this hash, so that no comparison takes longer the nearer a guess is.
    """
    return hashlib.sha256(key.encode()).hexdigest()


def check_chosen_key(key: str) -> None:
    """Refuses a key that a client chose too weakly or that no header can carry.

    Raises:
        ValueError: The key is refused.
    """
    if not MIN_CHOSEN_LENGTH <= len(key) <= MAX_CHOSEN_LENGTH or not all(
        "!" <= character <= "~" for character in key
    ):
        raise ValueError(
            f"must have {MIN_CHOSEN_LENGTH} to {MAX_CHOSEN_LENGTH} visible ASCII characters "
            "and no spaces"
        )
