"""Entries of the audit log."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Literal

import orjson

from event_bus import times
from event_bus.model.audit_chain import Entry
from event_bus.model.event import Event, EventOrigin

Status = Literal["success", "failure", "denied"]

_CUT = "…"

ANONYMOUS = "anonymous"
"""The actor of requests without a valid key."""

LISTEN = "subscription.create"
"""The action of a client that begins to listen, for which the bus creates a subscription."""

MAX_TEXT_BYTES = 256
"""The most bytes of a text in an entry: callers choose some of them, such as paths."""

MAX_ENTRY_BYTES = 64 * 1024
"""The largest entry accepted from the queue, as JSON."""


def entry(
    entry_id: str,
    timestamp: str,
    action: str,
    actor: str,
    resource: str | None,
    status: Status,
    *,
    ip_address: str | None = None,
    **details: Any,
) -> Entry:
    """Makes an entry.

    Args:
        entry_id: Its identifier; the same if it is written again.
        timestamp: When it happened, RFC 3339.
        action: The action, such as `publisher.create`, with the type of the resource first.
        actor: The service that did it, `admin` or `anonymous`.
        resource: The identifier of the resource, if it has one.
        status: Its result.
        ip_address: The caller's address, if known.
        details: Further facts, without secrets and payloads.

    Returns:
        The entry. Its texts have at most `MAX_TEXT_BYTES`; longer ones are cut, and end in "…".
    """
    return {
        "id": _cut(entry_id),
        "timestamp": timestamp,
        "action": action,
        "actor": _cut(actor),
        "resource": _cut(resource),
        "resource_type": action.partition(".")[0],
        "details": {name: _cut(value) for name, value in details.items() if value is not None},
        "status": status,
        "ip_address": _cut(ip_address),
    }


def _cut(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    written = value.encode(errors="replace")
    if len(written) <= MAX_TEXT_BYTES:
        return written.decode()
    kept = written[: MAX_TEXT_BYTES - len(_CUT.encode())]
    return kept.decode(errors="ignore") + _CUT


def read_entry(text: str) -> Entry:
    """Reads an entry from the queue.

    Raises:
        LookupError: A required member is missing.
        TypeError: It is not an object, or a member has the wrong type.
        ValueError: It is not JSON, has no valid time, or is over `MAX_ENTRY_BYTES`.
    """
    if len(text.encode()) > MAX_ENTRY_BYTES:
        raise ValueError(f"an entry has at most {MAX_ENTRY_BYTES} bytes")
    found: Entry = orjson.loads(text)
    for name in ("id", "action", "status"):
        if not isinstance(found[name], str):
            raise TypeError(name)
    if not isinstance(found["details"], dict):
        raise TypeError("details")
    times.seconds(found["timestamp"])
    return found


def of_events(events: Iterable[Event]) -> list[Entry]:
    """Returns the entries of accepted events.

    Events with the same source, type, key and address share an entry, which lists their ids.
    """
    by_origin: defaultdict[tuple[EventOrigin, str, str], list[Event]] = defaultdict(list)
    for event in events:
        by_origin[event.origin or EventOrigin(event.source), event.source, event.type].append(event)
    return [
        entry(
            f"publish:{found[0].id}",
            found[0].created_at,
            "event.publish",
            origin.actor,
            found[0].id if len(found) == 1 else None,
            "success",
            ip_address=origin.ip_address,
            key_id=origin.key_id,
            source=source,
            event_type=event_type,
            event_ids=[event.id for event in found],
        )
        for (origin, source, event_type), found in by_origin.items()
    ]
