"""Whether a key is still good, for what goes on after it was checked."""

from collections.abc import Callable
from dataclasses import dataclass, field

from event_bus import times
from event_bus.access.admin_key import is_admin_key
from event_bus.access.authenticator import CACHE_SECONDS
from event_bus.model.api_keys import orphaned
from event_bus.stores.keys import KeyStore


@dataclass(slots=True)
class LiveKeys:
    """Looks again at keys, each once in `CACHE_SECONDS`.

    Attributes:
        keys: The keys.
        admin_id: The identifier of the admin key as it is now.
        clock: Monotonic clock, in seconds.
    """

    keys: KeyStore
    admin_id: Callable[[], str]
    clock: Callable[[], float] = times.steady
    _until: dict[str, float] = field(default_factory=dict)

    def good(self, key_id: str | None) -> bool:
        """Whether a key is good; None stands for an admin's that an earlier release let in."""
        now = self.clock()
        if key_id is None or now < self._until.get(key_id, now):
            return True
        self._until.pop(key_id, None)
        if self._good(key_id):
            self._until[key_id] = now + CACHE_SECONDS
            return True
        return False

    def _good(self, key_id: str) -> bool:
        if is_admin_key(key_id):
            return key_id == self.admin_id()
        key = self.keys.find(key_id)
        return key is not None and not orphaned(key, self._good)
