"""Remembers deliveries in Redis or Valkey, which the processes of a service share."""

from typing import Any

from event_bus_client.deduplication import CLAIM_SECONDS, KEEP_SECONDS, Seen
from event_bus_client.durations import checked

_DONE = f"{Seen.DONE.value}:"


class RedisStore:
    """Keeps the ids of deliveries as keys that expire.

    Example:
        ```python
        store = RedisStore(redis.Redis(), prefix="billing")
        ```
    """

    def __init__(
        self,
        client: Any,
        *,
        prefix: str = "event-bus",
        keep_seconds: int = KEEP_SECONDS,
        claim_seconds: int = CLAIM_SECONDS,
    ) -> None:
        """Uses a client.

        Args:
            client: A client of redis-py, without asyncio.
            prefix: Keeps the ids of several subscriptions apart.
            keep_seconds: How long a handled delivery is remembered.
            claim_seconds: After how long a claim ends by itself.
        """
        self._client = client
        self._prefix = prefix
        self._keep_seconds = checked("keep_seconds", keep_seconds)
        self._claim_seconds = checked("claim_seconds", claim_seconds)

    def begin(self, delivery_id: str) -> Seen:
        """Claims a delivery, unless it is claimed or handled."""
        key = self._key(delivery_id)
        if self._client.set(key, Seen.BUSY.value, nx=True, ex=self._claim_seconds):
            return Seen.NEW
        return Seen.DONE if self._read(key).startswith(_DONE) else Seen.BUSY

    def finish(self, delivery_id: str, answer: str) -> None:
        """Notes that a claimed delivery was handled."""
        self._client.set(self._key(delivery_id), _DONE + answer, ex=self._keep_seconds)

    def answer(self, delivery_id: str) -> str:
        """Returns the answer to a handled delivery."""
        return self._read(self._key(delivery_id)).removeprefix(_DONE)

    def abandon(self, delivery_id: str) -> None:
        """Gives a claimed delivery back."""
        self._client.delete(self._key(delivery_id))

    def _read(self, key: str) -> str:
        found = self._client.get(key)
        return found.decode() if isinstance(found, bytes) else str(found or "")

    def _key(self, delivery_id: str) -> str:
        return f"{self._prefix}:{delivery_id}"
