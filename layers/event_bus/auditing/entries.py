"""What the audit log says of an operation."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Literal

import orjson

from event_bus import times
from event_bus.auditing.chain import Entry
from event_bus.model.event import Event

Status = Literal["success", "failure", "denied"]

ANONYMOUS = "anonymous"
"""Who came without a good key."""


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
    """
    return {
        "id": entry_id,
        "timestamp": timestamp,
        "action": action,
        "actor": actor,
        "resource": resource,
        "resource_type": action.partition(".")[0],
        "details": {name: value for name, value in details.items() if value is not None},
        "status": status,
        "ip_address": ip_address,
    }


def read_entry(text: str) -> Entry:
    """Reads an entry as a queue carries it.

    Raises:
        LookupError: A member is missing that every entry has.
        TypeError: It is not an object, or one of its members is not what it must be.
        ValueError: It is not JSON, or its time is none.
    """
    found: Entry = orjson.loads(text)
    for name in ("id", "action", "status"):
        if not isinstance(found[name], str):
            raise TypeError(name)
    if not isinstance(found["details"], dict):
        raise TypeError("details")
    times.seconds(found["timestamp"])
    return found


def of_events(events: Iterable[Event]) -> list[Entry]:
    """The entries of accepted events: one for each source and type, with the ids of its events."""
    together: defaultdict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in events:
        together[event.source, event.type].append(event)
    return [
        entry(
            f"publish:{found[0].id}",
            found[0].created_at,
            "event.publish",
            source,
            found[0].id if len(found) == 1 else None,
            "success",
            event_type=event_type,
            event_ids=[event.id for event in found],
        )
        for (source, event_type), found in together.items()
    ]
