"""Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from collections.abc import Sequence

import orjson

from event_bus.fetching.reader import Fetched

MEDIA_TYPE = "text/event-stream"

_RETRY_MILLISECONDS = 500
"""How long a client waits before it asks for the next turn."""


def event_stream(fetched: Sequence[Fetched], position: int) -> str:
    """Writes events as a stream of them.

    Args:
        fetched: The events.
        position: The place up to which the inbox was read; a client without events remembers it,
            too, since an event without data sets the last event id and nothing else.
    """
    begin = f"retry: {_RETRY_MILLISECONDS}\n"
    if not fetched:
        return f"{begin}: no events\nid: {position}\n\n"
    return "\n".join([begin, *(_block(each) for each in fetched)])


def _block(fetched: Fetched) -> str:
    data = orjson.dumps(fetched.event).decode()
    return f"id: {fetched.position}\nevent: {fetched.event['type']}\ndata: {data}\n"
