"""Listens by Server-Sent Events, without a subscription of one's own."""

import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

import httpx
from anyio import sleep
from httpx_sse import EventSource

from event_bus_client._async.transport import AsyncTransport
from event_bus_client.calls import Call, expected, pause_after
from event_bus_client.errors import ConnectionFailed, ServerError, TooManyRequests
from event_bus_client.models import Event

logger = logging.getLogger("event_bus_client")

_TIMEOUT_SECONDS = 40.0
"""The time limit of a request, in seconds; the bus answers after 25 seconds at most."""

_PAUSE_SECONDS = 1.0
"""The wait after a failure, and the least time between two requests without events, in seconds."""

_RESET = "eventbus.stream.reset"
_MEDIA_TYPE = "text/event-stream"
_ID = re.compile(r"(?:^|[\r\n])id:([^\r\n]*)")
"""A line with an id. Python knows more ends of lines than SSE, which payloads may hold."""

_BLOCK_END = re.compile(r"(?:\r\n|\r(?!\n)|\n){2}")
"""The end of a line and an empty line. A block without them was cut off, and brings no event."""


class AsyncListening:
    """Iterates over the events of some types from now on, through failures of the network.

    No event is missed between two requests if the client comes back within two minutes.
    """

    def __init__(
        self,
        transport: AsyncTransport,
        event_types: Sequence[str],
        on_gap: Callable[[str], None] | None = None,
    ) -> None:
        """Sends nothing yet.

        Args:
            transport: Sends the requests.
            event_types: Types or patterns.
            on_gap: Is called with the reason when events may have been missed, and when the bus
                cannot read one; without it a warning is logged.
        """
        self._transport = transport
        self._call = Call("GET", "/stream", query={"types": list(event_types)})
        self._on_gap = on_gap or _warn
        self._stopped = False
        self._events = self._received()

    def stop(self) -> None:
        """Ends the iteration after the current answer, from another task or a signal handler."""
        self._stopped = True

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        return await anext(self._events)

    async def _received(self) -> AsyncIterator[Event]:
        last_id: str | None = None
        while not self._stopped:
            headers = {"accept": _MEDIA_TYPE}
            if last_id is not None:
                headers["last-event-id"] = last_id
            call = replace(self._call, headers=headers, timeout=_TIMEOUT_SECONDS)
            asked_at = time.monotonic()
            try:
                answer = await self._transport.answer(call)
                with expected("The stream of events"):
                    sent = [each async for each in _sent(answer)]
            except (ConnectionFailed, ServerError, TooManyRequests) as failure:
                logger.warning("listening failed; it continues: %s", failure)
                await sleep(pause_after(failure, _PAUSE_SECONDS))
                continue
            for each in sent:
                if self._stopped:
                    return
                if isinstance(each, Event):
                    yield each
                else:
                    self._on_gap(each)
            ended_at = _last_id(answer.text) or last_id
            if not sent and ended_at == last_id:
                # A bus that does not wait must not be asked again and again.
                await sleep(max(0.0, asked_at + _PAUSE_SECONDS - time.monotonic()))
            last_id = ended_at


async def _sent(answer: httpx.Response) -> AsyncIterator[Event | str]:
    """Yields the events of an answer, and the reasons for gaps between them."""
    if not answer.headers.get("content-type", "").startswith(_MEDIA_TYPE):
        raise ValueError(answer.headers.get("content-type") or "no content type")
    async for sent in EventSource(answer).aiter_sse():
        if sent.event == _RESET:
            yield str(sent.json().get("reason", ""))
        elif sent.data:
            shown = sent.json()
            # The bus sends an error in place of an event that it cannot read.
            yield shown["error"]["detail"] if "error" in shown else Event.model_validate(shown)


def _last_id(text: str) -> str | None:
    """Returns the last id of an answer, which may stand in a block without data."""
    ends = [each.end() for each in _BLOCK_END.finditer(text)]
    ids = _ID.findall(text, 0, ends[-1] if ends else 0)
    return ids[-1].strip() if ids else None


def _warn(reason: str) -> None:
    logger.warning("events may have been missed: %s", reason)
