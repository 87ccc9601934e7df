"""Short-lived tokens for browsers, which cannot send a key."""

from dataclasses import dataclass, replace

from event_bus import times
from event_bus.access.callers import Caller, unknown_key
from event_bus.model.api_keys import ApiKey, generate_token
from event_bus.stores.keys import KeyStore

LIFETIME_SECONDS = 3_600
"""How long a token is valid, in seconds."""


@dataclass(frozen=True, slots=True)
class StreamTokens:
    """Issues tokens.

    Attributes:
        keys: Stores tokens, as keys that end.
    """

    keys: KeyStore

    def issue(
        self, service_id: str, caller: Caller, subscription_id: str | None = None
    ) -> tuple[str, str]:
        """Issues a token with the rate of the key that requests it.

        Args:
            service_id: The service that listens with it.
            caller: The caller that requests it. The token ends when the caller's key does, if not
                before.
            subscription_id: The only subscription of the token; None for everything that the
                service may receive.

        Returns:
            The token, which is not stored, and its end, RFC 3339.

        Raises:
            Unauthenticated: The caller's key is no longer valid.
        """
        token, proof = generate_token()
        until = int(times.unix()) + LIFETIME_SECONDS
        issued = ApiKey(
            proof.id,
            service_id,
            times.now(),
            proof.hash,
            expires_at=until,
            subscription_id=subscription_id,
            issued_by=caller.key_id,
        )
        if not caller.admin:
            key = self.keys.find(caller.key_id or "")
            if key is None:
                raise unknown_key()
            until = min(until, key.expires_at or until)
            issued = replace(issued, expires_at=until, rate_limit=key.rate_limit)
        self.keys.add_token(issued)
        return token, times.at(until)
