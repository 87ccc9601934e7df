"""API keys: made, recognised and hashed."""

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
"""How many different characters a chosen key has at least."""

_KEY, _TOKEN = "ebk_", "ebt_"
_BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(r"(eb[kt]_[0-9a-f]{20})\.[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}", re.ASCII)

CredentialType = Literal["api_key", "mtls", "iam"]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key: who it stands for, and never the key.

    Attributes:
        id: What it is found by, which is no secret.
        service_id: The service that it stands for.
        created_at: When it was made, RFC 3339.
        hash: The hash that proves it; empty for a certificate and for a role or user of IAM,
            which API Gateway has proven.
        name: What people call it.
        type: What proves it.
        stands_for: The certificate's subject, or the role or user of IAM, if it is one.
        scopes: What it permits; None for all that its service may do.
        expires_at: Until when it is good, in Unix seconds, if it ends.
        last_used_at: When it was last seen, some minutes late, RFC 3339.
        subscription_id: The one subscription that a stream token is for, if it is for one.
        issued_by: The key by which a stream token was asked for; it ends with that key.
        rate_limit: How many requests a second it may make, if it is not what all keys may.
        replaced_by: The key that a rotation has put in its place.
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
        """Whether it is a stream token, which permits to listen and nothing else."""
        return is_token(self.id)


def is_token(key_id: str) -> bool:
    """Whether an identifier is one of a stream token."""
    return key_id.startswith(_TOKEN)


def orphaned(key: ApiKey, good: Callable[[str], bool]) -> bool:
    """Whether a stream token has outlived the key by which it was asked for, and so has ended."""
    return key.issued_by is not None and not good(key.issued_by)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a key that was sent must meet.

    Attributes:
        id: What it is found by.
        hash: The hash that the kept one must equal.
    """

    id: str
    hash: str


def generate_key() -> tuple[str, Proof]:
    """A new key: an identifier, 256 random bits, and a checksum over both."""
    return _generate(_KEY)


def generate_token() -> tuple[str, Proof]:
    """A new stream token, as hard to guess as a key."""
    return _generate(_TOKEN)


def proof_of(key: str) -> Proof | None:
    """What a key is found and proven by; None where it cannot be a key."""
    if key.startswith((_KEY, _TOKEN)):
        found = _FORM.fullmatch(key)
        # A mistyped key needs no look at the table.
        if found is None or _checksum(key[:-6]) != key[-6:]:
            return None
        return _proof_of_random(found[1], key)
    return proof_of_chosen(key) if 1 <= len(key) <= MAX_CHOSEN_LENGTH else None


def proof_of_chosen(key: str) -> Proof:
    """What a key that a client chose is found and proven by."""
    # What a person chose may be guessed, so that each guess must cost something (RFC 7914).
    derived = hashlib.scrypt(key.encode(), salt=b"event-bus", n=2**12, r=8, p=1, dklen=48)
    return Proof(f"key_{derived[:16].hex()}", derived[16:].hex())


def certificate_id(subject: str) -> str:
    """What a certificate is found by: its subject, as API Gateway writes it."""
    return f"cert_{_short_hash(subject)}"


def principal_id(arn: str) -> str:
    """What a role or user of IAM is found by: its ARN, without path and session."""
    return f"iam_{_short_hash(arn)}"


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
    if len(set(key)) < MIN_DIFFERENT:
        raise ValueError(f"must have at least {MIN_DIFFERENT} different characters")
    if key.startswith((_KEY, _TOKEN)):
        raise ValueError(f"must not begin with {_KEY} or {_TOKEN}, as generated ones do")


def _generate(prefix: str) -> tuple[str, Proof]:
    key_id = prefix + secrets.token_hex(10)
    begun = f"{key_id}.{secrets.token_urlsafe(32)}"
    key = begun + _checksum(begun)
    return key, _proof_of_random(key_id, key)


def _proof_of_random(key_id: str, key: str) -> Proof:
    # Of random bits a fast hash is as good as a slow one.
    return Proof(key_id, hashlib.sha256(key.encode()).hexdigest())


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _BASE_62[digit] + digits
    return digits
