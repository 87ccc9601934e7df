"""Finds the caller of a request from its credentials."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Protocol

from event_bus import times
from event_bus.access.admin_key import AdminSecret, is_admin_key
from event_bus.access.callers import ADMIN, Caller, Role
from event_bus.cache import Cache
from event_bus.log import logger
from event_bus.model.api_keys import (
    MAX_CHOSEN_LENGTH,
    ApiKey,
    certificate_id,
    orphaned,
    principal_id,
    proof_of,
)
from event_bus.model.principals import principal_of

CACHE_SECONDS = 30.0
"""How long a valid key is cached, and so how late a revocation takes effect, in seconds."""

SEEN_SECONDS = 300.0
"""How late `last_used_at` of a key may be, in seconds: each update costs a write."""

_CACHED_KEYS = 1_000


class CallerKeys(Protocol):
    """A store of keys."""

    def find(self, key_id: str) -> ApiKey | None:
        """Returns the valid key with this id, or None."""

    def saw(self, key_id: str, at: str) -> None:
        """Records that a key was used at a time, RFC 3339."""


class Authenticator:
    """Finds the caller of a key, a client certificate or an IAM principal.

    Valid keys are cached for `CACHE_SECONDS`; unknown ones are looked up every time, so that a new
    key works at once.

    Args:
        keys: The keys.
        admin_key: Reads the admin's key, which may be cached.
        clock: Monotonic clock, in seconds.
        admin_key_again: Reads the admin's key past the cache, before a key is refused; None to use
            `admin_key` there, too.
    """

    def __init__(
        self,
        keys: CallerKeys,
        admin_key: Callable[[], AdminSecret],
        clock: Callable[[], float] = times.steady,
        admin_key_again: Callable[[], AdminSecret] | None = None,
    ) -> None:
        self._keys = keys
        self._admin_key = admin_key
        self._admin_key_again = admin_key_again or admin_key
        self._known: Cache[str, Caller] = Cache(CACHE_SECONDS, _CACHED_KEYS, clock)

    def identify(
        self,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None = None,
        subject: str | None = None,
    ) -> Caller | None:
        """Returns the caller of a request, or None.

        Args:
            headers: The request's headers, with lower-case names.
            query: The query parameters, in which a browser sends its stream token. Keys are not
                accepted there, because URLs are written into logs.
            subject: The subject of the client certificate that API Gateway has verified, if any.
                A key with the certificate of another service is refused.
        """
        by_certificate = self._remembered(f"cert:{subject}", subject, self._certified)
        if key := key_in(headers):
            caller = self._by_key(key)
            if caller and by_certificate and not caller.admin:
                return caller if caller.service_id == by_certificate.service_id else None
            return caller
        if token := (query or {}).get("token"):
            caller = self._by_key(token)
            return caller if caller and caller.role == "listener" else None
        return by_certificate

    def identify_principal(self, arn: str) -> Caller | None:
        """Returns the caller of an IAM role or user; None if no key is registered for it.

        Args:
            arn: The ARN of the role's session, or of the user, as API Gateway has checked it.
        """
        principal = principal_of(arn)
        return self._remembered(f"iam:{principal}", principal, self._principal)

    def _by_key(self, key: str) -> Caller | None:
        if len(key) > MAX_CHOSEN_LENGTH:
            return None
        return self._remembered(hashlib.sha256(key.encode()).hexdigest(), key, self._proven)

    def _remembered(
        self,
        name: str,
        proof: str | None,
        look_up: Callable[[str], tuple[Caller | None, float]],
    ) -> Caller | None:
        """Returns the caller that a credential proves, from the cache or looked up.

        Args:
            name: The name of the credential in the cache.
            proof: The credential; None if none was sent.
            look_up: Returns the caller, and for how many seconds it may be cached; 0 for not at
                all.
        """
        if not proof:
            return None
        if caller := self._known.get(name):
            return caller
        caller, seconds = look_up(proof)
        if caller is None:
            self._known.forget(name)
        elif seconds:
            self._known.put(name, caller, seconds)
        return caller

    def _proven(self, key: str) -> tuple[Caller | None, float]:
        # The reader of the admin key caches it.
        if admin := _admin(key, self._admin_key()):
            return admin, 0
        proof = proof_of(key)
        kept = self._keys.find(proof.id) if proof else None
        if kept and proof and hmac.compare_digest(kept.hash, proof.hash):
            return self._kept(kept)
        return _admin(key, self._admin_key_again()), 0

    def _certified(self, subject: str) -> tuple[Caller | None, float]:
        return self._found(certificate_id(subject))

    def _principal(self, arn: str) -> tuple[Caller | None, float]:
        return self._found(principal_id(arn))

    def _found(self, key_id: str) -> tuple[Caller | None, float]:
        kept = self._keys.find(key_id)
        return self._kept(kept) if kept else (None, 0)

    def _kept(self, kept: ApiKey) -> tuple[Caller | None, float]:
        if orphaned(kept, self._good):
            return None, 0
        self._note(kept)
        left = CACHE_SECONDS if kept.expires_at is None else kept.expires_at - times.unix()
        role: Role = "listener" if kept.token else "service"
        scopes = None if kept.scopes is None else frozenset(kept.scopes)
        caller = Caller(
            kept.service_id, role, kept.subscription_id, scopes, kept.id, kept.rate_limit
        )
        if kept.issued_by and is_admin_key(kept.issued_by):
            # The admin key is cached already. Otherwise, its end would take effect twice as late.
            return caller, 0
        return caller, min(CACHE_SECONDS, left)

    def _good(self, key_id: str) -> bool:
        """Returns whether the key that requested a token is still valid."""
        if is_admin_key(key_id):
            return key_id == self._admin_key().id or key_id == self._admin_key_again().id
        return self._keys.find(key_id) is not None

    def _note(self, kept: ApiKey) -> None:
        if kept.last_used_at and times.unix() - times.seconds(kept.last_used_at) < SEEN_SECONDS:
            return
        try:
            self._keys.saw(kept.id, times.now())
        except Exception:
            # A valid key is accepted even if its use cannot be recorded.
            logger.exception("use of a key not recorded", key_id=kept.id)


def _admin(key: str, admin: AdminSecret) -> Caller | None:
    """Returns the admin, if a key is the admin key."""
    if not hmac.compare_digest(key.encode(), admin.value.encode()):
        return None
    return Caller(ADMIN, "admin", key_id=admin.id)


def key_in(headers: Mapping[str, str]) -> str | None:
    """Returns the API key in headers: `x-api-key`, or `Authorization: Bearer` (RFC 6750)."""
    if key := headers.get("x-api-key"):
        return key
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    return credentials.strip() or None if scheme.lower() == "bearer" else None
