"""The keys of a service: made, listed, replaced and revoked."""

from dataclasses import dataclass, replace

from event_bus import times
from event_bus.errors import Conflict, Fault, Forbidden, InvalidRequest, NotFound
from event_bus.model.credentials import Authentication, KeyRequest
from event_bus.security.callers import Caller
from event_bus.security.keys import (
    ApiKey,
    certificate_id,
    generate_key,
    principal_id,
    proof_of_chosen,
)
from event_bus.security.scopes import SCOPES, Scope
from event_bus.stores.keys import KeyStore
from event_bus.stores.transactions import TransactionRefused, transact_alone

MAX_KEYS = 20
"""How many keys a service may have at a time."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key, and what its owner must be told once.

    Attributes:
        kept: What is kept of it.
        text: The key itself where it was generated: it is not shown again.
    """

    kept: ApiKey
    text: str | None


def issue(authentication: Authentication, service_id: str, caller: Caller) -> IssuedKey:
    """Makes the key that is asked for, which is not kept yet.

    Raises:
        Forbidden: A service names a certificate, a role or a user: it could be another's.
    """
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


def _refuse_more(scopes: tuple[Scope, ...] | None, caller: Caller) -> None:
    """Refuses to hand out a key that permits more than the caller's own."""
    if caller.scopes is not None and not caller.scopes.issuperset(scopes or SCOPES):
        detail = f"must be among the key's own: {', '.join(sorted(caller.scopes))}"
        raise Forbidden(f"/scopes {detail}.", [Fault("/scopes", detail)], reason="scope")


def taken(authentication: Authentication) -> Conflict:
    """The refusal of a credential that stands for another service."""
    member = authentication.member
    said = "API key" if member == "api_key" else member
    detail = "stands for another service already; choose another"
    return Conflict(f"The {said} {detail}.", [Fault(f"/authentication/{member}", detail)])


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Makes, shows, replaces and revokes the keys of services that are known to exist.

    Attributes:
        keys: The keys.
    """

    keys: KeyStore

    def of(self, service_id: str) -> list[ApiKey]:
        """The keys of a service, the oldest first, without its stream tokens."""
        kept = [each for each in self.keys.of_service(service_id) if not each.token]
        return sorted(kept, key=lambda each: (each.created_at, each.id))

    def make(self, service_id: str, asked: KeyRequest, caller: Caller) -> IssuedKey:
        """Makes a further key.

        Raises:
            Forbidden: The key would permit more than the one that asks for it, or a service sets
                its rate.
            InvalidRequest: It would have ended already.
            Conflict: The service has `MAX_KEYS`, or the key stands for another service.
        """
        scopes = None if asked.scopes is None else tuple(sorted(set(asked.scopes)))
        _refuse_more(scopes, caller)
        if asked.rate_limit is not None and not caller.admin:
            detail = "is for admin keys alone to set"
            raise Forbidden(
                f"/rate_limit {detail}.", [Fault("/rate_limit", detail)], reason="admin"
            )
        expires_at = int(times.seconds(asked.expires_at)) if asked.expires_at else None
        if expires_at and expires_at <= times.unix():
            raise InvalidRequest.at("/expires_at", "must lie in the future")
        self._refuse_too_many(service_id)
        issued = issue(asked.authentication, service_id, caller)
        kept = replace(
            issued.kept,
            name=asked.name,
            scopes=scopes,
            expires_at=expires_at,
            rate_limit=asked.rate_limit,
        )
        if not self.keys.add(kept):
            raise taken(asked.authentication)
        return replace(issued, kept=kept)

    def rotate(self, service_id: str, key_id: str, overlap: int, caller: Caller) -> IssuedKey:
        """Replaces a generated or chosen key by a generated one of the same name, scopes and rate.

        Args:
            service_id: The service.
            key_id: The key.
            overlap: How many seconds the old one goes on.
            caller: Who asks.

        Raises:
            NotFound: The service has no such key.
            Forbidden: The key permits more than the one that asks for it.
            Conflict: The key is none that the bus could make anew, or it is being changed by
                others.
        """
        old = self._one(service_id, key_id)
        if old.type != "api_key":
            raise Conflict("A certificate is replaced by adding another one.")
        _refuse_more(old.scopes, caller)
        issued = _generated(service_id, times.now())
        kept = replace(issued.kept, name=old.name, scopes=old.scopes, rate_limit=old.rate_limit)
        end = int(times.unix()) + overlap
        if old.expires_at is not None:
            end = min(end, old.expires_at)
        try:
            transact_alone(self.keys.client, [self.keys.putting(kept), self.keys.ending(old, end)])
        except TransactionRefused:
            raise Conflict("The key is being changed by others; send the request again.") from None
        return replace(issued, kept=kept)

    def revoke(self, service_id: str, key_id: str) -> None:
        """Ends a key, and the stream tokens that were asked for by it.

        Raises:
            NotFound: The service has no such key.
        """
        self._one(service_id, key_id)
        if not self.keys.remove(key_id):
            raise _no_key(service_id, key_id)

    def _one(self, service_id: str, key_id: str) -> ApiKey:
        key = self.keys.find(key_id)
        if key is None or key.service_id != service_id or key.token:
            raise _no_key(service_id, key_id)
        return key

    def _refuse_too_many(self, service_id: str) -> None:
        if len(self.of(service_id)) >= MAX_KEYS:
            raise Conflict(f"A service has at most {MAX_KEYS} keys; revoke one first.")


def _no_key(service_id: str, key_id: str) -> NotFound:
    return NotFound(f"The service {service_id} has no key {key_id}.")
