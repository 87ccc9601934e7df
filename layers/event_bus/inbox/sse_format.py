"""Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from collections.abc import Sequence

import orjson

from event_bus.inbox.reader import Fetched
from event_bus.model.event import BUS_DOMAIN

MEDIA_TYPE = "text/event-stream"

_RETRY_MILLISECONDS = 500
"""How long a client waits before its next request."""

_BEGIN = f"retry: {_RETRY_MILLISECONDS}\n"


def sse_events(fetched: Sequence[Fetched], position: int, name: str = "") -> str:
    """Writes events in the format of Server-Sent Events.

    Args:
        fetched: The events.
        position: The last place read. A client without events remembers it too: an event without
            data only sets the last event id.
        name: The prefix of each id, if a place alone does not identify the inbox.
    """
    if not fetched:
        return f"{_BEGIN}: no events\nid: {name}{position}\n\n"
    return "\n".join([_BEGIN, *(_block(each, name) for each in fetched)]) + "\n"


def _block(fetched: Fetched, name: str) -> str:
    shown = {"error": fetched.error} if fetched.error else fetched.event
    data = orjson.dumps(shown).decode()
    return f"id: {name}{fetched.position}\nevent: {fetched.type}\ndata: {data}\n"


def reset(last_id: str, reason: str) -> str:
    """Writes the event that tells a client of a possible gap before the next event.

    Args:
        last_id: The id from which the events continue.
        reason: The reason, in words.
    """
    data = orjson.dumps({"reason": reason}).decode()
    return f"{_BEGIN}\nid: {last_id}\nevent: {BUS_DOMAIN}.stream.reset\ndata: {data}\n\n"
