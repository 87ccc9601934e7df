"""The bucket of the payloads that are too large for the events table."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from event_bus.stores.archive_runs import ArchiveDamaged

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


EXPIRING_PREFIX = "events/"
"""The key prefix of payloads that the bucket's lifecycle rule deletes."""

KEPT_PREFIX = "kept/"
"""The key prefix of payloads that never expire."""

_MISSING = ("NoSuchKey", "InvalidRange", "InvalidObjectState")
"""S3's codes for an object that does not exist, that is shorter than the stubs of its events say,
or that a storage class like Glacier holds until somebody restores it."""


@dataclass(frozen=True, slots=True)
class PayloadStore:
    """Puts and gets large payloads.

    Attributes:
        client: The S3 client.
        bucket: The bucket's name.
    """

    client: "S3Client"
    bucket: str

    def put(self, event_id: str, digest: str, payload: bytes, *, kept: bool) -> None:
        """Stores a payload, before the event that refers to it.

        Args:
            event_id: The event.
            digest: The digest of what the publisher sent.
            payload: The payload.
            kept: Whether it never expires.
        """
        self.client.put_object(
            Bucket=self.bucket,
            Key=_key(event_id, digest, kept=kept),
            Body=payload,
            ContentType="application/json",
        )

    def get(self, event_id: str, digest: str, *, kept: bool) -> bytes:
        """Reads a payload.

        Args:
            event_id: The event.
            digest: The digest of what the publisher sent.
            kept: Whether it never expires.

        Raises:
            ClientError: S3 refused the request; see `is_missing`.
        """
        key = _key(event_id, digest, kept=kept)
        return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()


def is_missing(error: Exception) -> bool:
    """Returns whether a payload or an archived event was not read because it is not there."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _MISSING
    return isinstance(error, ArchiveDamaged)


def is_unanswered(error: Exception) -> bool:
    """Whether a payload or an archived event was not read because AWS did not answer as it should.

    It may be read later.
    """
    return isinstance(error, BotoCoreError | ClientError) and not is_missing(error)


def _key(event_id: str, digest: str, *, kept: bool) -> str:
    # With the digest: a refused event of the same id must not replace the payload of the first.
    return f"{KEPT_PREFIX if kept else EXPIRING_PREFIX}{event_id}/{digest}"
