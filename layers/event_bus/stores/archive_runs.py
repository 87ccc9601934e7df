"""The content of objects in the archive: compressed runs of items, and the places of single items.

An object holds runs of about `RUN_BYTES`, each a gzip member of its own: one item per line, as
JSON. So a reader fetches the run of an event alone, and neighbours in a stream share a run.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from event_bus.batches import batches
from event_bus.stores.items import Item

RUN_BYTES = 64 * 1024
"""The size of a run before compression, in bytes. Larger runs hardly compress better."""

_LEVEL = 6
_GZIP = 31
# An item of DynamoDB has at most 400 KB, and JSON may write six characters for one of it.
_LONGEST_RUN_BYTES = 6 * 400 * 1024 + RUN_BYTES


class ArchiveDamaged(LookupError):
    """The archive does not hold an event where its stub says."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes of an object in the archive that hold the run of an item.

    Attributes:
        name: The name of the object, which follows from its content.
        offset: The first byte of the run in the object.
        length: The length of the run, in bytes.
    """

    name: str
    offset: int
    length: int

    @property
    def end(self) -> int:
        """The offset of the first byte after the run."""
        return self.offset + self.length

    def __str__(self) -> str:
        return f"{self.name}/{self.offset}/{self.length}"

    @classmethod
    def read(cls, text: str) -> "ByteRange":
        """Reads the text of a place.

        Raises:
            ArchiveDamaged: It is not a place.
        """
        try:
            name, offset, length = text.split("/")
            return cls(name, int(offset), int(length))
        except ValueError:
            raise ArchiveDamaged(f"{text!r} is not a place in the archive") from None


def pack(lines: Sequence[bytes]) -> tuple[bytes, list[ByteRange]]:
    """Returns the content of an object, and the place of each line in it.

    Args:
        lines: Items as JSON, in the order in which they will lie in the object.
    """
    # Only archiving needs it.
    import hashlib  # noqa: PLC0415

    runs: list[bytes] = []
    ranges: list[tuple[int, int]] = []
    offset = 0
    for run in batches(lines, len, most=len(lines), most_bytes=RUN_BYTES):
        compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        lines_of_run = b"".join(line + b"\n" for line in run)
        compressed = compressor.compress(lines_of_run) + compressor.flush()
        runs.append(compressed)
        ranges += [(offset, len(compressed))] * len(run)
        offset += len(compressed)
    content = b"".join(runs)
    name = hashlib.sha256(content).hexdigest()[:32]
    return content, [ByteRange(name, *each) for each in ranges]


def unpack(run: bytes) -> Iterator[Item]:
    """Yields the items of a run.

    Raises:
        ArchiveDamaged: It is not a run, or not a whole one.
    """
    decompressor = zlib.decompressobj(_GZIP)
    try:
        lines = decompressor.decompress(run, _LONGEST_RUN_BYTES)
        if not decompressor.eof or decompressor.unused_data:
            raise ArchiveDamaged("a run of the archive is cut off, or too long")
        for line in lines.splitlines():
            item = orjson.loads(line)
            if not (isinstance(item, dict) and isinstance(item.get("id"), dict)):
                raise ArchiveDamaged("a run of the archive does not hold items")
            yield item
    except (zlib.error, orjson.JSONDecodeError) as error:
        raise ArchiveDamaged(f"a run of the archive cannot be read: {error}") from error


_GAP_BYTES = 128 * 1024
_SPAN_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Span:
    """A range of an object that one request reads: runs that lie near each other.

    Attributes:
        places: The places of the runs, in order.
    """

    places: Sequence[ByteRange]

    @property
    def name(self) -> str:
        """The name of the object."""
        return self.places[0].name

    @property
    def offset(self) -> int:
        """The first byte of the range."""
        return self.places[0].offset

    @property
    def end(self) -> int:
        """The offset of the first byte after the range."""
        return self.places[-1].end


def spans(places: Iterable[ByteRange]) -> Iterator[Span]:
    """Divides places into few ranges of at most about a megabyte.

    S3 bills requests, not bytes, so a request also reads short gaps between two runs.
    """
    near: list[ByteRange] = []
    for place in sorted(set(places), key=lambda each: (each.name, each.offset)):
        if near and (
            place.name != near[0].name
            or place.offset - near[-1].end > _GAP_BYTES
            or place.end - near[0].offset > _SPAN_BYTES
        ):
            yield Span(near)
            near = []
        near.append(place)
    if near:
        yield Span(near)
