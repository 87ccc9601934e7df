"""Data keys: KMS makes and opens them, and is asked for few."""

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from event_bus import times
from event_bus.cache import Cache

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_kms import KMSClient

PURPOSE = "event-payload"
"""What the encryption context says that the key is used for."""

KEPT_ANSWERS = "kept-answer"
"""The purpose of keys that seal answers to requests with an `Idempotency-Key`."""

LIFETIME_SECONDS = 300.0
"""How long a data key is used, and how long an opened one is remembered."""

MOST_USES = 10_000
"""How many payloads are sealed under one: far below what random nonces of 96 bits allow
(2^32, NIST SP 800-38D, section 8.3)."""

_OPENED_KEYS = 1_000


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key that encrypts data.

    Attributes:
        plain: The key: 256 bits.
        sealed: The same, as KMS gives it out to be kept with the data.
    """

    plain: bytes
    sealed: bytes


@dataclass(slots=True)
class DataKeys:
    """Makes and opens data keys, and remembers them for a while.

    Attributes:
        client: The KMS client.
        key: The ARN of the key of KMS that seals them.
        clock: Monotonic clock, in seconds.
        purpose: What they are for, as the encryption context says. One data key serves many: what
            binds what it sealed to its place is told to the cipher itself.
    """

    client: "KMSClient"
    key: str
    clock: "Callable[[], float]" = times.steady
    purpose: str = PURPOSE
    _current: DataKey | None = None
    _uses: int = 0
    _until: float = 0.0
    _opened: Cache[bytes, bytes] = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._opened = Cache(LIFETIME_SECONDS, _OPENED_KEYS, self.clock)

    def for_sealing(self) -> DataKey:
        """A key to seal one payload with."""
        with self._lock:
            if self._current is None or self._uses >= MOST_USES or self.clock() >= self._until:
                answer = self.client.generate_data_key(
                    KeyId=self.key, KeySpec="AES_256", EncryptionContext={"purpose": self.purpose}
                )
                self._current = DataKey(answer["Plaintext"], answer["CiphertextBlob"])
                self._uses, self._until = 0, self.clock() + LIFETIME_SECONDS
                self._opened.put(self._current.sealed, self._current.plain)
            self._uses += 1
            return self._current

    def opened(self, sealed: bytes) -> bytes:
        """The key that KMS sealed.

        Raises:
            ClientError: KMS does not open it.
        """
        return self._opened.fetch(sealed, lambda: self._open(sealed))

    def _open(self, sealed: bytes) -> bytes:
        answer = self.client.decrypt(
            KeyId=self.key, CiphertextBlob=sealed, EncryptionContext={"purpose": self.purpose}
        )
        return answer["Plaintext"]
