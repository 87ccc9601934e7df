"""Listens by Server-Sent Events, without a subscription of one's own."""

import logging
from collections.abc import Iterator, Callable, Sequence
from dataclasses import replace

from time import sleep
from httpx_sse import EventSource

from event_bus_client._sync.transport import Transport
from event_bus_client.calls import Call
from event_bus_client.errors import ConnectionFailed, ServerError, TooManyRequests
from event_bus_client.models import Event

logger = logging.getLogger("event_bus_client")

_TURN_SECONDS = 40.0
"""How long the bus may take for one turn; it answers after 25 seconds at most."""

_PAUSE_SECONDS = 1.0
_RESET = "eventbus.stream.reset"


class Listening:
    """Iterates over the events of some types from now on, through failures of the network.

    No event is missed between two turns if the client comes back within two minutes.
    """

    def __init__(
        self,
        transport: Transport,
        event_types: Sequence[str],
        on_gap: Callable[[str], None] | None = None,
    ) -> None:
        """Sends nothing yet.

        Args:
            transport: Sends the requests.
            event_types: Types or patterns.
            on_gap: Is called with the reason when events may have been missed; without it a
                warning is logged.
        """
        self._transport = transport
        self._call = Call("GET", "/stream", query={"types": list(event_types)})
        self._on_gap = on_gap or _warn
        self._stopped = False
        self._events = self._turns()

    def stop(self) -> None:
        """Ends the iteration at the end of a turn, from another thread or a signal handler."""
        self._stopped = True

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def _turns(self) -> Iterator[Event]:
        last_id: str | None = None
        while not self._stopped:
            headers = {"accept": "text/event-stream"}
            if last_id is not None:
                headers["last-event-id"] = last_id
            call = replace(self._call, headers=headers, timeout=_TURN_SECONDS)
            try:
                answer = self._transport.answer(call)
            except (ConnectionFailed, ServerError, TooManyRequests) as failure:
                logger.info("listening failed; it continues: %s", failure)
                sleep(getattr(failure, "retry_after", None) or _PAUSE_SECONDS)
                continue
            for sent in EventSource(answer).iter_sse():
                if self._stopped:
                    return
                last_id = sent.id or last_id
                if sent.event == _RESET:
                    self._on_gap(str(sent.json().get("reason", "")))
                elif sent.data:
                    yield Event.model_validate_json(sent.data)
            last_id = _last_id(answer.text) or last_id


def _last_id(text: str) -> str | None:
    """The last id of a turn, which may stand in a block without data."""
    ids = [line[3:].strip() for line in text.splitlines() if line.startswith("id:")]
    return ids[-1] if ids else None


def _warn(reason: str) -> None:
    logger.warning("events may have been missed: %s", reason)
