"""The keys of a service: made, listed, replaced and revoked."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from event_bus import times
from event_bus.access.callers import Caller, unknown_key
from event_bus.access.key_limits import excess, inherited
from event_bus.errors import Conflict, Fault, Forbidden, InvalidRequest, NotFound
from event_bus.model.api_keys import (
    ApiKey,
    certificate_id,
    generate_key,
    principal_id,
    proof_of_chosen,
)
from event_bus.model.credentials import Authentication, KeyRequest
from event_bus.stores.items import Item
from event_bus.stores.keys import KeyStore, Ring
from event_bus.stores.transactions import TransactionRefused, transact_alone

MAX_KEYS = 20
"""How many keys a service may have at a time."""

_ATTEMPTS = 8

_Result = TypeVar("_Result")

Find = Callable[[], str]
"""Finds the service that a request is about, or refuses the request."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key, and what its owner must be told once.

    Attributes:
        kept: What is kept of it.
        text: The key itself where it was generated: it is not shown again.
    """

    kept: ApiKey
    text: str | None


def maker_of(ring: Ring, caller: Caller) -> ApiKey | None:
    """The key that a request for another key came with; None for an admin's.

    Raises:
        Unauthenticated: The key is not good any more.
    """
    if caller.admin:
        return None
    maker = ring.find(caller.key_id)
    if maker is None:
        raise unknown_key()
    return maker


def issue(authentication: Authentication, ring: Ring, caller: Caller) -> IssuedKey:
    """Makes the key that is asked for, with the limits of its maker; it is not kept yet.

    Raises:
        Forbidden: A service names a certificate, a role or a user: it could be another's.
        Unauthenticated: The caller's key is not good any more.
    """
    issued = _issued(authentication, ring.service_id, caller)
    return replace(issued, kept=inherited(issued.kept, maker_of(ring, caller)))


def _issued(authentication: Authentication, service_id: str, caller: Caller) -> IssuedKey:
    now = times.now()
    stands_for = authentication.stands_for
    if stands_for:
        if not caller.admin:
            detail = f"{authentication.type} is for admin keys alone to set up"
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


def adding(keys: KeyStore, ring: Ring, key: ApiKey, stale: Sequence[ApiKey] = ()) -> list[Item]:
    """The parts of a transaction that add a key to a ring, as `KeyStore.changing` makes them.

    Args:
        keys: Where keys are kept.
        ring: The ring.
        key: The key.
        stale: Keys that are removed in its favour.

    Raises:
        Conflict: The service has `MAX_KEYS`.
    """
    _refuse_too_many(len(ring.keys) + 1)
    removed = [each for each in stale if each.id != key.id]
    return keys.changing(ring, added=[key], removed=removed)


def taken(authentication: Authentication) -> Conflict:
    """The refusal of a credential that stands for another service."""
    return _refused(authentication, "stands for another service already; choose another")


def _refused(authentication: Authentication, detail: str) -> Conflict:
    member = authentication.member
    said = "API key" if member == "api_key" else member
    return Conflict(f"The {said} {detail}.", [Fault(f"/authentication/{member}", detail)])


def busy() -> Conflict:
    """The refusal of a change that others overtook again and again."""
    return Conflict("The keys of the service are being changed by others; send the request again.")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Makes, shows, replaces and revokes the keys of services.

    Attributes:
        keys: The keys.
        key_rate: How many requests a second a key may make that has no rate of its own.
    """

    keys: KeyStore
    key_rate: int

    def of(self, service_id: str) -> tuple[ApiKey, ...]:
        """The keys of a service, the oldest first, without its stream tokens."""
        return self.keys.ring(service_id).keys

    def make(self, find: Find, asked: KeyRequest, caller: Caller) -> IssuedKey:
        """Makes a further key; what the request leaves out is as for the key that makes it.

        Args:
            find: Finds the service.
            asked: The key that is asked for.
            caller: Who asks.

        Raises:
            Forbidden: The key would permit more than the one that asks for it, or a service sets
                its rate.
            InvalidRequest: It would have ended already.
            Conflict: The service has `MAX_KEYS`, or has this key; or the key stands for another
                service.
            Unauthenticated: The caller's key is not good any more.
        """
        if asked.rate_limit is not None and not caller.admin:
            detail = "is for admin keys alone to set"
            raise Forbidden(
                f"/rate_limit {detail}.", [Fault("/rate_limit", detail)], reason="admin"
            )
        expires_at = int(times.seconds(asked.expires_at)) if asked.expires_at else None
        if expires_at and expires_at <= times.unix():
            raise InvalidRequest.at("/expires_at", "must lie in the future")

        def change(ring: Ring) -> tuple[list[Item], IssuedKey]:
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
            return adding(self.keys, ring, kept), replace(issued, kept=kept)

        try:
            return self._changed(find, change)
        except TransactionRefused:
            raise taken(asked.authentication) from None

    def rotate(self, find: Find, key_id: str, overlap: int, caller: Caller) -> IssuedKey:
        """Replaces a generated or chosen key by a generated one that permits the same.

        Args:
            find: Finds the service.
            key_id: The key.
            overlap: How many seconds the old one goes on.
            caller: Who asks.

        Raises:
            NotFound: The service has no such key.
            Forbidden: The key permits more than the one that asks for it.
            Conflict: The key is none that the bus could make anew, or was replaced already; or the
                service has `MAX_KEYS` and the old one would go on.
            Unauthenticated: The caller's key is not good any more.
        """

        def change(ring: Ring) -> tuple[list[Item], IssuedKey]:
            maker = maker_of(ring, caller)
            old = _one(ring, key_id)
            if old.type != "api_key":
                raise Conflict("A certificate is replaced by adding another one.")
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
                return self.keys.changing(ring, added=[kept], removed=[old]), issued
            _refuse_too_many(
                len(ring.keys) + 1,
                "revoke one first, or rotate with an overlap of 0, which ends the old key at once",
            )
            end = int(times.unix()) + overlap
            if old.expires_at is not None:
                end = min(end, old.expires_at)
            ending = self.keys.ending(old, end, kept.id)
            return [*self.keys.changing(ring, added=[kept]), ending], issued

        try:
            return self._changed(find, change)
        except TransactionRefused:
            # It ended, and was cleared away, in this moment.
            raise NotFound(f"There is no key {key_id} any more.") from None

    def revoke(self, find: Find, key_id: str) -> None:
        """Ends a key, and the stream tokens that were asked for by it.

        Args:
            find: Finds the service.
            key_id: The key.

        Raises:
            NotFound: The service has no such key.
        """
        self._changed(
            find,
            lambda ring: (self.keys.changing(ring, removed=[_one(ring, key_id)]), None),
        )

    def _changed(self, find: Find, change: Callable[[Ring], tuple[list[Item], _Result]]) -> _Result:
        """Carries out a change of a ring, on the ring and the service as they stand then.

        Raises:
            TransactionRefused: Another part of the change than the ring's was refused.
        """
        for attempt in range(_ATTEMPTS):
            parts, result = change(self.keys.ring(find()))
            try:
                transact_alone(self.keys.client, parts)
            except TransactionRefused as refusal:
                if 0 not in refusal.conditions:
                    raise
                times.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311
            else:
                return result
        raise busy()


def _one(ring: Ring, key_id: str) -> ApiKey:
    key = ring.find(key_id)
    if key is None:
        raise NotFound(f"The service {ring.service_id} has no key {key_id}.")
    return key


def _refuse_too_many(count: int, way_out: str = "revoke one first") -> None:
    if count > MAX_KEYS:
        raise Conflict(f"A service has at most {MAX_KEYS} keys; {way_out}.")
