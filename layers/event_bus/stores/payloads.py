"""The bucket of the payloads that are too large for the events table."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class PayloadStore:
    """Puts and gets large payloads.

    Attributes:
        client: The S3 client.
        bucket: The bucket's name.
    """

    client: "S3Client"
    bucket: str

    def put(self, event_id: str, digest: str, payload: bytes) -> None:
        """Stores a payload, before the event that points at it."""
        self.client.put_object(
            Bucket=self.bucket,
            Key=_key(event_id, digest),
            Body=payload,
            ContentType="application/json",
        )

    def get(self, event_id: str, digest: str) -> bytes:
        """Reads a payload."""
        return self.client.get_object(Bucket=self.bucket, Key=_key(event_id, digest))["Body"].read()


def is_missing(error: Exception) -> bool:
    """Whether a payload was not read because it is not there."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "NoSuchKey"


def _key(event_id: str, digest: str) -> str:
    # With the digest: a refused event of the same id must not replace the payload of the first.
    return f"events/{event_id}/{digest}"
