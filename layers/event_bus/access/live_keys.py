"""Checks again whether keys are still valid, for work that outlasts the first check."""

from collections.abc import Callable
from dataclasses import dataclass, field

from event_bus import times
from event_bus.access.admin_key import is_admin_key
from event_bus.access.authenticator import CACHE_SECONDS
from event_bus.cache import Cache
from event_bus.model.api_keys import orphaned
from event_bus.stores.keys import KeyStore

_CACHED_KEYS = 10_000


@dataclass(slots=True)
class LiveKeys:
    """Checks whether keys are still valid, each valid key once in `CACHE_SECONDS`.

    Attributes:
        keys: The keys.
        admin_id: The identifier of the present admin key.
        clock: Monotonic clock, in seconds.
    """

    keys: KeyStore
    admin_id: Callable[[], str]
    clock: Callable[[], float] = times.steady
    _known: Cache[str, bool] = field(init=False)

    def __post_init__(self) -> None:
        self._known = Cache(CACHE_SECONDS, _CACHED_KEYS, self.clock)

    def good(self, key_id: str | None) -> bool:
        """Returns whether a key is valid.

        Args:
            key_id: The id of the key; None if an earlier release admitted an admin, which counts as
                valid.
        """
        if key_id is None or key_id in self._known:
            return True
        good = self._good(key_id)
        if good:
            self._known.put(key_id, good)
        return good

    def _good(self, key_id: str) -> bool:
        if is_admin_key(key_id):
            return key_id == self.admin_id()
        key = self.keys.find(key_id)
        return key is not None and not orphaned(key, self._good)
