"""Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from collections.abc import Sequence

import orjson

from event_bus.inbox.reader import Fetched
from event_bus.model.event import BUS_DOMAIN

MEDIA_TYPE = "text/event-stream"

_RETRY_MILLISECONDS = 500
"""How long a client waits before it asks for the next turn."""

_BEGIN = f"retry: {_RETRY_MILLISECONDS}\n"


def event_stream(fetched: Sequence[Fetched], position: int, name: str = "") -> str:
    """Writes events as a stream of them.

    Args:
        fetched: The events.
        position: The place up to which the inbox was read; a client without events remembers it,
            too, since an event without data sets the last event id and nothing else.
        name: What stands before each place in the ids, where a place alone does not tell the inbox.
    """
    if not fetched:
        return f"{_BEGIN}: no events\nid: {name}{position}\n\n"
    return "\n".join([_BEGIN, *(_block(each, name) for each in fetched)]) + "\n"


def _block(fetched: Fetched, name: str) -> str:
    data = orjson.dumps(fetched.event).decode()
    return f"id: {name}{fetched.position}\nevent: {fetched.event['type']}\ndata: {data}\n"


def reset(last_id: str, reason: str) -> str:
    """Tells a client that its stream does not go on where it was: there may be a gap.

    Args:
        last_id: Where the stream goes on.
        reason: Why, in words.
    """
    data = orjson.dumps({"reason": reason}).decode()
    return f"{_BEGIN}\nid: {last_id}\nevent: {BUS_DOMAIN}.stream.reset\ndata: {data}\n\n"
