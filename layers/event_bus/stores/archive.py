"""The archive: objects of the bucket with the items of old events that never expire."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from event_bus.log import logger
from event_bus.stores.archive_runs import ArchiveDamaged, ByteRange, Span, pack, spans, unpack
from event_bus.stores.event_items import ARCHIVED
from event_bus.stores.items import Item
from event_bus.stores.payloads import is_missing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ARCHIVE_PREFIX = "archive/"
"""The prefix of the keys of the archive's objects. No lifecycle rule deletes them."""

Lost = dict[str, Exception]
"""Why events cannot be read, by id."""

_Wanted = Mapping[ByteRange, set[str]]


@dataclass(frozen=True)
class ArchiveStore:
    """Puts items into the archive, and reads them there.

    Attributes:
        client: The S3 client.
        bucket: The bucket of payloads.
        threads: Makes the executor that reads objects side by side.
    """

    client: "S3Client"
    bucket: str
    threads: Callable[[], Executor]

    @cached_property
    def _executor(self) -> Executor:
        return self.threads()

    def put(self, lines: Sequence[bytes]) -> tuple[list[ByteRange], int]:
        """Stores items in one object. The same items make the same object.

        Args:
            lines: The items as JSON.

        Returns:
            The place of each, and the size of the object in bytes.
        """
        content, places = pack(lines)
        self.client.put_object(
            Bucket=self.bucket,
            Key=f"{ARCHIVE_PREFIX}{places[0].name}",
            Body=content,
            ContentType="application/gzip",
        )
        return places, len(content)

    def restore(self, stubs: Iterable[Item]) -> tuple[list[Item], Lost]:
        """Returns the items that stubs stand for, in no order, and why others cannot be read.

        Raises:
            ClientError, BotoCoreError: S3 does not answer now.
        """
        wanted: defaultdict[ByteRange, set[str]] = defaultdict(set)
        lost: Lost = {}
        for stub in stubs:
            event_id = stub["id"]["S"]
            try:
                wanted[ByteRange.read(stub[ARCHIVED]["S"])].add(event_id)
            except ArchiveDamaged as error:
                lost[event_id] = error
        asked = list(spans(wanted))
        # A single request needs no other thread.
        answers = (
            self._executor.map(lambda span: self._read(span, wanted), asked)
            if len(asked) > 1
            else [self._read(span, wanted) for span in asked]
        )
        items: list[Item] = []
        for found, missing in answers:
            items += found
            lost |= missing
        for event_id, reason in lost.items():
            logger.error("archived event is lost", event_id=event_id, error=str(reason))
        return items, lost

    def _read(self, span: Span, wanted: _Wanted) -> tuple[list[Item], Lost]:
        """Reads the wanted items of a range."""
        items: list[Item] = []
        lost: Lost = {}
        try:
            content = self._get(span)
        except (ClientError, ArchiveDamaged) as error:
            if not is_missing(error):
                raise
            return [], {each: error for place in span.places for each in wanted[place]}
        for place in span.places:
            begin = place.offset - span.offset
            found: dict[str, Item] = {}
            try:
                for item in unpack(content[begin : begin + place.length]):
                    if item["id"].get("S") in wanted[place]:
                        found[item["id"]["S"]] = item
                for event_id in wanted[place] - found.keys():
                    lost[event_id] = ArchiveDamaged(f"{place} does not hold {event_id}")
            except ArchiveDamaged as error:
                lost |= dict.fromkeys(wanted[place] - found.keys(), error)
            items += found.values()
        return items, lost

    def _get(self, span: Span) -> bytes:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html: the last byte counts.
        answer = self.client.get_object(
            Bucket=self.bucket,
            Key=f"{ARCHIVE_PREFIX}{span.name}",
            Range=f"bytes={span.offset}-{span.end - 1}",
        )
        return answer["Body"].read()
