"""API keys: creates, recognises and hashes them."""

import hashlib
import re
import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from event_bus.model.scopes import Scope

MIN_CHOSEN_LENGTH, MAX_CHOSEN_LENGTH = 16, 256
MIN_DIFFERENT = 8
"""The least number of different characters in a chosen key."""

_KEY, _TOKEN = "ebk_", "ebt_"
_BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(r"(eb[kt]_[0-9a-f]{20})\.[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}", re.ASCII)

CredentialType = Literal["api_key", "mtls", "iam"]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored key: its owner and limits, but not the key itself.

    Attributes:
        id: Its identifier; not secret.
        service_id: The service that owns it.
        created_at: When it was created, RFC 3339.
        hash: The hash that proves it; empty for a certificate or IAM principal, which API Gateway
            verifies.
        name: What people call it.
        type: The kind of credential.
        stands_for: The subject of the certificate, or the IAM role or user, if it is one.
        scopes: Its scopes; None for all.
        expires_at: Its end, in Unix seconds, if it has one.
        last_used_at: When it was last used, RFC 3339; up to five minutes late.
        subscription_id: The only subscription of a stream token, if it is limited to one.
        issued_by: The key that requested a stream token, which ends with it.
        rate_limit: Its own rate in requests a second, if it has one.
        replaced_by: Its successor after a rotation.
    """

    id: str
    service_id: str
    created_at: str
    hash: str = ""
    name: str | None = None
    type: CredentialType = "api_key"
    stands_for: str | None = None
    scopes: tuple[Scope, ...] | None = None
    expires_at: int | None = None
    last_used_at: str | None = None
    subscription_id: str | None = None
    issued_by: str | None = None
    rate_limit: int | None = None
    replaced_by: str | None = None

    @property
    def token(self) -> bool:
        """Whether it is a stream token, which permits only listening."""
        return is_token(self.id)


def is_token(key_id: str) -> bool:
    """Returns whether an identifier is that of a stream token."""
    return key_id.startswith(_TOKEN)


def orphaned(key: ApiKey, good: Callable[[str], bool]) -> bool:
    """Returns whether a stream token has ended because the key that requested it has.

    Args:
        key: The stream token, or a key, which never ends for this reason.
        good: Returns whether the key with an identifier is still valid.
    """
    return key.issued_by is not None and not good(key.issued_by)


@dataclass(frozen=True, slots=True)
class KeyProof:
    """The identifier and hash of a key that was sent.

    Attributes:
        id: The identifier in the table.
        hash: The hash that the stored one must equal.
    """

    id: str
    hash: str


def generate_key() -> tuple[str, KeyProof]:
    """Returns a new key: an identifier, 256 random bits and a checksum of both."""
    return _generate(_KEY)


def generate_token() -> tuple[str, KeyProof]:
    """Returns a new stream token, as hard to guess as a key."""
    return _generate(_TOKEN)


def proof_of(key: str) -> KeyProof | None:
    """Returns the identifier and hash of a key; None if the text cannot be a key."""
    if key.startswith((_KEY, _TOKEN)):
        found = _FORM.fullmatch(key)
        # A mistyped key is refused without a read of the table.
        if found is None or _checksum(key[:-6]) != key[-6:]:
            return None
        return _proof_of_random(found[1], key)
    return proof_of_chosen(key) if 1 <= len(key) <= MAX_CHOSEN_LENGTH else None


def proof_of_chosen(key: str) -> KeyProof:
    """Returns the identifier and hash of a chosen key."""
    # A chosen key can be guessed, so each guess must be expensive (RFC 7914).
    derived = hashlib.scrypt(key.encode(), salt=b"event-bus", n=2**12, r=8, p=1, dklen=48)
    return KeyProof(f"key_{derived[:16].hex()}", derived[16:].hex())


def certificate_id(subject: str) -> str:
    """Returns the identifier of a certificate, from its subject as API Gateway writes it."""
    return f"cert_{_short_hash(subject)}"


def principal_id(arn: str) -> str:
    """Returns the identifier of an IAM role or user, from its ARN without path and session."""
    return f"iam_{_short_hash(arn)}"


def check_chosen_key(key: str) -> None:
    """Refuses a chosen key that is too weak or that no header can carry.

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
    if len(set(key)) < MIN_DIFFERENT:
        raise ValueError(f"must have at least {MIN_DIFFERENT} different characters")
    if key.startswith((_KEY, _TOKEN)):
        raise ValueError(f"must not begin with {_KEY} or {_TOKEN}, as generated ones do")


def _generate(prefix: str) -> tuple[str, KeyProof]:
    key_id = prefix + secrets.token_hex(10)
    begun = f"{key_id}.{secrets.token_urlsafe(32)}"
    key = begun + _checksum(begun)
    return key, _proof_of_random(key_id, key)


def _proof_of_random(key_id: str, key: str) -> KeyProof:
    # For random bits, a fast hash is as good as a slow one.
    return KeyProof(key_id, hashlib.sha256(key.encode()).hexdigest())


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _BASE_62[digit] + digits
    return digits
