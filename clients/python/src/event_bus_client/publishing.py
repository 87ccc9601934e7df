"""Prepares events for publishing: ids, trace context, and batches within the limits."""

import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

from event_bus_client.calls import encoded
from event_bus_client.models import NewEvent
from event_bus_client.tracing import current_trace

MAX_BATCH = 100
"""How many events a request may hold."""

MAX_BATCH_BYTES = 3_500_000
"""How many bytes of events the client puts into one request. The bus takes bodies of 4 MiB."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(prefix: str = "evt") -> str:
    """Makes an id that sorts by time: a ULID behind a prefix (https://github.com/ulid/spec).

    The client generates the ids of events, so that a repeated request never stores an event twice.
    """
    number = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10), "big")
    return f"{prefix}_" + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def prepared(event: NewEvent) -> dict[str, Any]:
    """Returns an event with an id and, if there is one, the current trace context."""
    document = event.document()
    document.setdefault("id", new_id())
    metadata = document["metadata"]
    if "traceparent" not in metadata and (carrier := current_trace()):
        document["metadata"] = {**carrier, **metadata}
    return document


def tested_event(event: NewEvent | dict[str, Any] | str) -> dict[str, Any]:
    """Returns the member of a request for a test: a new event, or the id of a stored one."""
    if isinstance(event, str):
        return {"event_id": event}
    return {"event": event.document() if isinstance(event, NewEvent) else event}


def batches(documents: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Splits events into requests, by number and by size, and keeps their order."""
    batch: list[dict[str, Any]] = []
    size = 0
    for document in documents:
        length = len(encoded(document))
        if batch and (len(batch) == MAX_BATCH or size + length > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(document)
        size += length
    if batch:
        yield batch
