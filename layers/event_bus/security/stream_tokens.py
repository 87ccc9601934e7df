"""Short-lived tokens by which a browser listens, which cannot send a key."""

from dataclasses import dataclass

from event_bus import times
from event_bus.security.keys import ApiKey, generate_token
from event_bus.stores.keys import KeyStore

LIFETIME_SECONDS = 3_600
"""How long a token is good for."""


@dataclass(frozen=True, slots=True)
class StreamTokens:
    """Issues tokens.

    Attributes:
        keys: Where they are kept, as keys that end.
    """

    keys: KeyStore

    def issue(
        self, service_id: str, issued_by: str | None, subscription_id: str | None = None
    ) -> tuple[str, str]:
        """A new token.

        Args:
            service_id: The service that listens by it.
            issued_by: The key by which it is asked for, with which it ends; None for the admin's.
            subscription_id: The one subscription that it is for; None for whatever the service
                may listen to.

        Returns:
            The token, which is not kept, and until when it is good, RFC 3339.
        """
        token, proof = generate_token()
        until = int(times.unix()) + LIFETIME_SECONDS
        self.keys.add(
            ApiKey(
                proof.id,
                service_id,
                times.now(),
                proof.hash,
                expires_at=until,
                subscription_id=subscription_id,
                issued_by=issued_by,
            )
        )
        return token, times.at(until)
