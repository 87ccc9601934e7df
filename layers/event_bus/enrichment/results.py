"""Checks results of sources, which are untrusted, before they are added to an event."""

from event_bus import json_numbers, strict_json
from event_bus.enrichment.sources import SourceFailed
from event_bus.errors import Problem
from event_bus.model.enrichment import MAX_PART_BYTES


def part_of(result: bytes) -> bytes:
    """Returns a result as compact JSON.

    Raises:
        SourceFailed: It is not JSON, or too large.
    """
    if len(result) > MAX_PART_BYTES:
        raise SourceFailed(f"the result has more than {MAX_PART_BYTES} bytes")
    try:
        return json_numbers.dumps(strict_json.parse(result))
    except Problem:
        raise SourceFailed("the result is not valid JSON for the bus") from None
