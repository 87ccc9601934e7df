"""What the audit log says of an operation."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Literal

import orjson

from event_bus import times
from event_bus.model.audit_chain import Entry
from event_bus.model.event import Event, Origin

Status = Literal["success", "failure", "denied"]

_CUT = "…"

ANONYMOUS = "anonymous"
"""Who came without a good key."""

LISTEN = "subscription.create"
"""The action of who begins to listen without a subscription: the bus makes one for that time."""

MAX_TEXT_BYTES = 256
"""The most bytes of a text of an entry: callers choose some of them, such as paths."""

MAX_ENTRY_BYTES = 64 * 1024
"""The largest entry that is taken from the queue, as JSON."""


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
        entry_id: What tells it from all others, the same where it is written again.
        timestamp: When it happened, RFC 3339.
        action: What was done, such as `publisher.create`; the type of the resource comes first.
        actor: The service that did it, `admin` or `anonymous`.
        resource: The identifier of what it was done to, if it has one.
        status: How it ended.
        ip_address: From where, if from anywhere.
        details: What else there is to say; neither secrets nor payloads.

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
    """Reads an entry as a queue carries it.

    Raises:
        LookupError: A member is missing that every entry has.
        TypeError: It is not an object, or one of its members is not what it must be.
        ValueError: It is not JSON, its time is none, or it is over `MAX_ENTRY_BYTES`.
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
    """The entries of accepted events.

    Events of one source and type that came from one key and address share an entry, which lists
    their ids.
    """
    together: defaultdict[tuple[Origin, str, str], list[Event]] = defaultdict(list)
    for event in events:
        together[event.origin or Origin(event.source), event.source, event.type].append(event)
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
        for (origin, source, event_type), found in together.items()
    ]
