"""Routing: matching each event, and sending a message for each match to its lane."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import cast

import orjson

from event_bus import times
from event_bus.delivery.message import Message
from event_bus.ids import new_id
from event_bus.log import logger, traces
from event_bus.model.delivery import Delivery, DeliveryError, DeliveryKey, Routing
from event_bus.model.event import MAX_HOPS, Event
from event_bus.routing.lanes import Lanes
from event_bus.routing.registry_view import RegistryView
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.stores.items import chunks
from event_bus.stores.subscriptions import Interest

_PAYLOADS_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Router:
    """Routes events.

    Attributes:
        view: The subscriptions.
        events: Where large payloads are read.
        deliveries: Where it is recorded whom an event was routed to.
        lanes: Where messages are sent.
        executor: Reads large payloads side by side.
    """

    view: RegistryView
    events: EventStore
    deliveries: DeliveryStore
    lanes: Lanes
    executor: Executor

    def route(self, events: Sequence[Event]) -> list[str]:
        """Routes events: messages first, then the records, so that no match is recorded unsent.

        Routing an event again sends its messages again, under the same identifiers.

        Args:
            events: The events; large payloads may be left in the bucket.

        Returns:
            The ids of the events that cannot be routed; all others are.

        Raises:
            Exception: AWS did not do its part; all events may be routed again.
        """
        self.view.refresh()
        routings: list[Routing] = []
        messages: list[Message] = []
        failed: list[str] = []
        for event, payload in self._with_payloads(events):
            matched = None if payload is None else self._matched(event, payload)
            if matched is None:
                failed.append(event.id)
                continue
            if event.hop_count > MAX_HOPS:
                self._end_loop(event, matched)
            else:
                messages += [
                    Message(
                        event.id,
                        each.id,
                        each.service_id,
                        each.version,
                        event,
                        protocol=each.protocol,
                    )
                    for each in matched
                ]
            services = {each.id: each.service_id for each in matched}
            routings.append(Routing(event.id, services, times.now(), event.type, event.source))
            logger.info("event matched", **traces(event), matched=len(matched))
        self.lanes.send(messages)
        self.deliveries.record_routings(routings)
        return failed

    def _end_loop(self, event: Event, matched: list[Interest]) -> None:
        """Has the deliveries of an event end as dead letters before their first attempt."""
        now = times.now()
        said = f"more than {MAX_HOPS} events caused each other"
        for each in matched:
            self.deliveries.record(
                Delivery(
                    key=DeliveryKey(event.id, each.id),
                    service_id=each.service_id,
                    event_type=event.type,
                    status="exhausted",
                    attempts=0,
                    last_error=DeliveryError("too_many_hops", said, now),
                    dead_letter_id=new_id("dl"),
                    protocol=each.protocol,
                    stored_at=event.created_at,
                    created_at=now,
                    updated_at=now,
                ),
                1,
            )
        logger.warning("loop ended", **traces(event), hop_count=event.hop_count)

    def _with_payloads(
        self, events: Sequence[Event]
    ) -> Iterator[tuple[Event, dict[str, object] | None]]:
        # A few at a time: a whole batch of large payloads, parsed, would not fit into the memory.
        for chunk in chunks(list(events), _PAYLOADS_AT_ONCE):
            yield from zip(chunk, self.executor.map(self._payload, chunk), strict=True)

    # One event must not hold up those behind it in the stream: what cannot be read or matched is
    # set aside, whatever the reason.

    def _payload(self, event: Event) -> dict[str, object] | None:
        try:
            payload = self.events.with_payload(event).payload
            return cast("dict[str, object]", orjson.loads(payload or b"{}"))
        except Exception:
            logger.exception("payload cannot be read", **traces(event))
            return None

    def _matched(self, event: Event, payload: dict[str, object]) -> list[Interest] | None:
        try:
            matched = self.view.matches(event, payload)
            # An event that is routed late does not reach subscriptions that came long after it.
            return [each for each in matched if event.created_at >= each.since]
        except Exception:
            logger.exception("event cannot be matched", **traces(event))
            return None
