"""Data keys, which KMS generates and decrypts, and which are reused to save calls."""

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from event_bus import times
from event_bus.cache import Cache

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_kms import KMSClient

PURPOSE = "event-payload"
"""The purpose of the keys in the encryption context."""

KEPT_ANSWERS = "kept-answer"
"""The purpose of keys that seal answers to requests with an `Idempotency-Key`."""

LIFETIME_SECONDS = 300.0
"""How long a data key is used, and how long an opened one is cached."""

MOST_USES = 10_000
"""The most payloads that one key seals: far below what random nonces of 96 bits allow (2^32, NIST
SP 800-38D, section 8.3)."""

REFUSED = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
"""The error codes of KMS for a ciphertext that it did not make, or made for another purpose."""

_OPENED_KEYS = 1_000


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key that encrypts data.

    Attributes:
        plain: The key: 256 bits.
        sealed: The key encrypted by KMS, which is stored with the data.
    """

    plain: bytes
    sealed: bytes


@dataclass(slots=True)
class DataKeys:
    """Makes and opens data keys, and caches them.

    Attributes:
        client: The KMS client.
        key: The ARN of the KMS key that seals them.
        clock: Monotonic clock, in seconds.
        purpose: Their purpose, which the encryption context names. One data key seals many
            payloads, so the context cannot name each: the cipher binds a payload to its event.
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
        """Returns a key to seal one payload with.

        Raises:
            ClientError: KMS refused to generate a key.
        """
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
        """Returns the key that KMS sealed.

        Raises:
            ClientError: KMS does not open it.
        """
        return self._opened.fetch(sealed, lambda: self._open(sealed))

    def _open(self, sealed: bytes) -> bytes:
        answer = self.client.decrypt(
            KeyId=self.key, CiphertextBlob=sealed, EncryptionContext={"purpose": self.purpose}
        )
        return answer["Plaintext"]
