"""The keys of a service: made, listed, rotated and revoked."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from event_bus import times
from event_bus.access.callers import Caller, unknown_key
from event_bus.access.key_limits import excess, inherited
from event_bus.conflicts import attempts
from event_bus.errors import Conflict, Fault, Forbidden, InvalidRequest, NotFound
from event_bus.model.api_keys import (
    ApiKey,
    certificate_id,
    generate_key,
    principal_id,
    proof_of_chosen,
)
from event_bus.requests.credentials import Authentication, KeyRequest
from event_bus.stores.keys import KeyChange, KeyEnding, KeyRing, KeyStore
from event_bus.stores.refusals import KeyGone, KeyTaken, Outdated

MAX_KEYS = 20
"""The largest number of keys of a service."""

_Result = TypeVar("_Result")

Find = Callable[[], str]
"""Returns the service that a request is about, or refuses the request.

It is called in each attempt, because the service may be removed at the same time.
"""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key.

    Attributes:
        kept: The key as it is stored.
        text: The generated secret, which is shown only once; None if the client chose the key.
    """

    kept: ApiKey
    text: str | None


def maker_of(ring: KeyRing, caller: Caller) -> ApiKey | None:
    """Returns the key that authenticated a request for another key; None for an admin.

    Raises:
        Unauthenticated: The key is no longer valid.
    """
    if caller.admin:
        return None
    maker = ring.find(caller.key_id)
    if maker is None:
        raise unknown_key()
    return maker


def issue(authentication: Authentication, ring: KeyRing, caller: Caller) -> IssuedKey:
    """Makes a key, with the limits of the key that asks for it. The caller stores it.

    Raises:
        Forbidden: The caller is a service and names a certificate, a role or a user, which could
            belong to another service.
        Unauthenticated: The caller's key is no longer valid.
    """
    issued = _issued(authentication, ring.service_id, caller)
    return replace(issued, kept=inherited(issued.kept, maker_of(ring, caller)))


def _issued(authentication: Authentication, service_id: str, caller: Caller) -> IssuedKey:
    now = times.now()
    stands_for = authentication.stands_for
    if stands_for:
        if not caller.admin:
            detail = f"{authentication.type} can only be set up with an admin key"
            raise Forbidden(
                f"/authentication/type: {detail}.",
                [Fault("/authentication/type", detail)],
                reason="admin",
            )
        find = certificate_id if authentication.type == "mtls" else principal_id
        kept = ApiKey(
            find(stands_for), service_id, now, type=authentication.type, stands_for=stands_for
        )
        return IssuedKey(kept, None)
    if authentication.api_key:
        proof = proof_of_chosen(authentication.api_key.get_secret_value())
        return IssuedKey(ApiKey(proof.id, service_id, now, proof.hash), None)
    return _generated(service_id, now)


def _generated(service_id: str, now: str) -> IssuedKey:
    text, proof = generate_key()
    return IssuedKey(ApiKey(proof.id, service_id, now, proof.hash), text)


def addition(ring: KeyRing, key: ApiKey, stale: tuple[ApiKey, ...] = ()) -> KeyChange:
    """Returns the change that adds a key to a ring.

    Args:
        ring: The ring.
        key: The key.
        stale: The keys that are removed with the same change.

    Raises:
        Conflict: The service has `MAX_KEYS` keys.
    """
    _refuse_too_many(len(ring.keys) + 1)
    return KeyChange(ring, (key,), tuple(each for each in stale if each.id != key.id))


def taken(authentication: Authentication) -> Conflict:
    """Returns the refusal of a credential that belongs to another service."""
    return _refused(authentication, "identifies another service already; choose another")


def _refused(authentication: Authentication, detail: str) -> Conflict:
    member = authentication.member
    said = "API key" if member == "api_key" else member
    return Conflict(f"The {said} {detail}.", [Fault(f"/authentication/{member}", detail)])


@dataclass(frozen=True, slots=True)
class KeyRegistry:
    """Makes, lists, rotates and revokes the keys of services.

    Attributes:
        keys: The keys.
        key_rate: The requests a second that a key may make if it has no rate of its own.
    """

    keys: KeyStore
    key_rate: int

    def of(self, service_id: str) -> tuple[ApiKey, ...]:
        """Returns the keys of a service, oldest first, without its stream tokens."""
        return self.keys.ring(service_id).keys

    def make(self, find: Find, asked: KeyRequest, caller: Caller) -> IssuedKey:
        """Makes another key. What the request leaves out is the same as for the caller's key.

        Args:
            find: Finds the service.
            asked: The request.
            caller: The caller.

        Raises:
            Forbidden: The key would permit more than the caller's, or a service sets its rate or
                names a certificate, a role or a user.
            InvalidRequest: The key would have expired already.
            Conflict: The service has `MAX_KEYS` keys or this key, or the key belongs to another
                service.
            Unauthenticated: The caller's key is no longer valid.
        """
        if asked.rate_limit is not None and not caller.admin:
            raise Forbidden.at("/rate_limit", "can only be set with an admin key", "admin")
        expires_at = int(times.seconds(asked.expires_at)) if asked.expires_at else None
        if expires_at and expires_at <= times.unix():
            raise InvalidRequest.at("/expires_at", "must lie in the future")

        def change(ring: KeyRing) -> tuple[KeyChange, IssuedKey]:
            maker = maker_of(ring, caller)
            issued = _issued(asked.authentication, ring.service_id, caller)
            wanted = replace(
                issued.kept,
                name=asked.name,
                scopes=None if asked.scopes is None else tuple(sorted(set(asked.scopes))),
                expires_at=expires_at,
                rate_limit=asked.rate_limit,
            )
            kept = inherited(wanted, maker)
            if faults := excess(kept, maker, self.key_rate):
                said = " and ".join(f"{each.pointer} {each.detail}" for each in faults)
                raise Forbidden(f"{said}.", faults, reason="scope")
            if ring.find(kept.id):
                raise _refused(asked.authentication, "is a key of this service already")
            return addition(ring, kept), replace(issued, kept=kept)

        try:
            return self._changed(find, change)
        except KeyTaken:
            raise taken(asked.authentication) from None

    def rotate(self, find: Find, key_id: str, overlap: int, caller: Caller) -> IssuedKey:
        """Replaces an API key by a generated one with the same permissions.

        Args:
            find: Finds the service.
            key_id: The key.
            overlap: How many seconds the old key stays valid.
            caller: The caller.

        Raises:
            NotFound: The service has no such key.
            Forbidden: The key permits more than the caller's.
            Conflict: The key is a certificate, a role or a user, or was replaced before; or the
                service has `MAX_KEYS` keys and the old one would stay valid.
            Unauthenticated: The caller's key is no longer valid.
        """

        def change(ring: KeyRing) -> tuple[KeyChange, IssuedKey]:
            maker = maker_of(ring, caller)
            old = _one(ring, key_id)
            if old.type != "api_key":
                raise Conflict(
                    "Only API keys are rotated: add a key for the new certificate, role or user, "
                    "and revoke this key."
                )
            if old.replaced_by:
                raise Conflict(f"The key {key_id} was replaced by {old.replaced_by} already.")
            if faults := excess(old, maker, self.key_rate):
                said = ", ".join(each.pointer.removeprefix("/") for each in faults)
                raise Forbidden(
                    f"The key {key_id} permits more than the key that was sent, by its {said}.",
                    reason="scope",
                )
            issued = _generated(ring.service_id, times.now())
            kept = replace(
                issued.kept,
                name=old.name,
                scopes=old.scopes,
                expires_at=old.expires_at,
                rate_limit=old.rate_limit,
            )
            issued = replace(issued, kept=kept)
            if not overlap:
                return KeyChange(ring, (kept,), (old,)), issued
            _refuse_too_many(
                len(ring.keys) + 1,
                "revoke one first, or rotate with an overlap of 0, which ends the old key at once",
            )
            end = int(times.unix()) + overlap
            if old.expires_at is not None:
                end = min(end, old.expires_at)
            return KeyChange(ring, (kept,), ending=KeyEnding(old.id, end, kept.id)), issued

        try:
            return self._changed(find, change)
        except KeyGone:
            # It expired, and DynamoDB deleted it, after it was read.
            raise NotFound(f"The key {key_id} no longer exists.") from None

    def revoke(self, find: Find, key_id: str) -> None:
        """Revokes a key, and the stream tokens that were made with it.

        Args:
            find: Finds the service.
            key_id: The key.

        Raises:
            NotFound: The service has no such key.
        """
        self._changed(find, lambda ring: (KeyChange(ring, removed=(_one(ring, key_id),)), None))

    def _changed(
        self, find: Find, change: Callable[[KeyRing], tuple[KeyChange, _Result]]
    ) -> _Result:
        """Carries out a change of the present ring, and again if others change it meanwhile.

        Raises:
            KeyTaken: A key that is added belongs to another service.
            KeyGone: The key that ends later was removed.
            Conflict: Other requests changed the ring in every attempt.
        """
        for _ in attempts():
            changed, result = change(self.keys.ring(find()))
            try:
                self.keys.change(changed)
            except Outdated:
                continue
            return result
        raise Conflict.overtaken("the keys of the service")


def _one(ring: KeyRing, key_id: str) -> ApiKey:
    key = ring.find(key_id)
    if key is None:
        raise NotFound(f"The service {ring.service_id} has no key {key_id}.")
    return key


def _refuse_too_many(count: int, way_out: str = "revoke one first") -> None:
    if count > MAX_KEYS:
        raise Conflict(f"A service has at most {MAX_KEYS} keys; {way_out}.")
