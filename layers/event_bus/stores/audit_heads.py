"""The bucket of signed heads, which are stored separately from the audit log itself.

The name of an object holds the whole head. So one request lists a thousand heads, newest first.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_bus.model.audit_chain import AuditHead, Chain

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MOST = 10**12
_NAME = re.compile(r"(\w+)/(\d{12})/([0-9a-f]{64})/([^/]+)/([A-Za-z0-9_=-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class AuditHeads:
    """Stores and lists heads.

    Attributes:
        client: The S3 client.
        bucket: The bucket.
    """

    client: "S3Client"
    bucket: str

    def put(self, head: AuditHead) -> None:
        """Stores a head."""
        # Names are listed in their order: the last number must come first.
        place = f"{head.chain}/{_MOST - head.number:012d}"
        name = f"{place}/{head.hash}/{head.at}/{head.signature}"
        self.client.put_object(Bucket=self.bucket, Key=name, Body=b"")

    def latest(self, chain: Chain) -> AuditHead | None:
        """Returns the last head of a chain, or None."""
        listed = self.client.list_objects_v2(Bucket=self.bucket, Prefix=f"{chain}/", MaxKeys=1)
        names = listed.get("Contents", [])
        return _head(names[0]["Key"]) if names else None

    def of(self, chain: Chain) -> Iterator[AuditHead]:
        """Yields all heads of a chain, the last one first."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{chain}/"
        )
        for page in pages:
            for each in page.get("Contents", []):
                if head := _head(each["Key"]):
                    yield head


def _head(name: str) -> AuditHead | None:
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    chain, number, hash_, at, signature = found.groups()
    return AuditHead(chain, _MOST - int(number), hash_, at, signature)  # type: ignore[arg-type]
