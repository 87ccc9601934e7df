"""From the headers of a request to its caller."""

import hmac
from collections import OrderedDict
from collections.abc import Callable, Mapping

from event_bus import times
from event_bus.security.callers import ADMIN, Caller
from event_bus.security.keys import MAX_CHOSEN_LENGTH, ApiKey, hash_key

CACHE_SECONDS = 60.0
"""How long a good key is trusted without another look, and so how late a revocation acts."""

_CACHED_KEYS = 1_000


class Authenticator:
    """Tells who sent a key.

    Good keys are remembered for `CACHE_SECONDS`; unknown ones are looked up every time, so that a
    key works from the moment it was made.

    Args:
        find_key: Finds what is kept of a key by its hash.
        admin_key: Reads the admin's key.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        find_key: Callable[[str], ApiKey | None],
        admin_key: Callable[[], str],
        clock: Callable[[], float] = times.steady,
    ) -> None:
        self._find_key = find_key
        self._admin_key = admin_key
        self._clock = clock
        self._known: OrderedDict[str, tuple[Caller, float]] = OrderedDict()

    def identify(
        self, headers: Mapping[str, str], query: Mapping[str, str] | None = None
    ) -> Caller | None:
        """The caller that a request proves, or None.

        Args:
            headers: The request's headers, with lower-case names.
            query: The parameters of its query, where a browser names its stream token; keys are
                not taken from there, since addresses are written into logs.
        """
        if key := key_in(headers):
            return self._identify(key)
        caller = self._identify((query or {}).get("token", ""))
        return caller if caller and caller.role == "listener" else None

    def _identify(self, key: str) -> Caller | None:
        if not 1 <= len(key) <= MAX_CHOSEN_LENGTH:
            return None
        key_hash = hash_key(key)
        now = self._clock()
        remembered = self._known.get(key_hash)
        if remembered and now < remembered[1]:
            return remembered[0]
        caller, seconds = self._look_up(key, key_hash)
        if caller is None:
            self._known.pop(key_hash, None)
            return None
        self._known[key_hash] = (caller, now + seconds)
        self._known.move_to_end(key_hash)
        if len(self._known) > _CACHED_KEYS:
            self._known.popitem(last=False)
        return caller

    def _look_up(self, key: str, key_hash: str) -> tuple[Caller | None, float]:
        if hmac.compare_digest(key.encode(), self._admin_key().encode()):
            return Caller(ADMIN, "admin"), CACHE_SECONDS
        kept = self._find_key(key_hash)
        if kept is None:
            return None, 0
        if kept.expires_at is None:
            return Caller(kept.service_id, "service"), CACHE_SECONDS
        left = kept.expires_at - times.unix()
        caller = Caller(kept.service_id, "listener", kept.subscription_id)
        return caller, min(CACHE_SECONDS, left)


def key_in(headers: Mapping[str, str]) -> str | None:
    """The API key in a request's headers: `x-api-key`, or `Authorization: Bearer` (RFC 6750)."""
    if key := headers.get("x-api-key"):
        return key
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    return credentials.strip() or None if scheme.lower() == "bearer" else None
