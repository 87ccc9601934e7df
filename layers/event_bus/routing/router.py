"""Routing: matching each event, and sending a message for each match to its lane."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from event_bus import json_numbers, times
from event_bus.batches import chunks
from event_bus.log import logger, traces
from event_bus.matching.event_view import EventView, event_view
from event_bus.model import transitions
from event_bus.model.commands import is_over
from event_bus.model.delivery import Routing
from event_bus.model.event import MAX_HOPS, Event
from event_bus.model.routing_rule import RoutingRule
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message, first_message, next_message
from event_bus.queues.projections import ProjectionQueue
from event_bus.queues.recorded_sending import send_recorded
from event_bus.routing.registry_view import RegistryView
from event_bus.stores.dead_letters import DeadLetterStore
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.delivery_items import of_present, routing_of_present
from event_bus.stores.events import EventStore
from event_bus.stores.routings import RoutingStore

_PAYLOADS_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Router:
    """Routes events.

    Attributes:
        view: The subscriptions.
        events: Reads large payloads.
        routings: The routing records.
        deliveries: Records deliveries that never reach a lane.
        dead_letters: Reopens dead letters that a later routing sends.
        lanes: Where messages are sent.
        executor: Reads large payloads in parallel.
        projections: Announces events to read models; None if the router does not.
    """

    view: RegistryView
    events: EventStore
    routings: RoutingStore
    deliveries: DeliveryStore
    dead_letters: DeadLetterStore
    lanes: Lanes
    executor: Executor
    projections: ProjectionQueue | None = None

    def route(self, events: Sequence[Event]) -> list[str]:
        """Routes events.

        Messages are sent before their matches are recorded, so that no match is recorded unsent.
        Routing an event again sends its messages again, under the same identifiers.

        Args:
            events: The events; large payloads may be left in the bucket.

        Returns:
            The ids of the events that cannot be routed, or not to all that they match; all others
            are routed.

        Raises:
            Exception: A call to AWS failed; all events may be routed again.
        """
        self.view.refresh()
        routings: list[Routing] = []
        messages: list[Message] = []
        failed: list[str] = []
        for event, seen in self._with_views(events):
            matched = None if seen is None else self._matched(event, seen)
            if seen is None or matched is None:
                failed.append(event.id)
                continue
            sent, held = self._sent_and_held(event, matched)
            messages += sent
            routings.append(_routing(event, matched, held, limited=seen.limited))
            logger.info("event matched", **traces(event), matched=len(matched))
            if seen.limited:
                logger.warning("event matched in part", **traces(event))
        by_id = {event.id: event for event in events}
        failed += self._send(messages, by_id)
        self._project(events)
        recorded = self.routings.record(routings, self.executor)
        failed += recorded.refused
        # Another router may have recorded the event before, and may have held it for others.
        failed += self._release(recorded.standing, by_id)
        return list(dict.fromkeys(failed))

    def route_again(self, events: Sequence[Event]) -> list[str]:
        """Routes events from the queue of unroutable events.

        An event with a routing record was routed. Only two kinds of its messages are sent: those
        that SQS refused, and those that a pause held which has ended.

        Args:
            events: The events; large payloads may be left in the bucket.

        Returns:
            The ids of the events that still cannot be routed.

        Raises:
            Exception: A call to AWS failed; all events may be routed again.
        """
        found = self.routings.get_many((event.id for event in events), consistent=True)
        routed = {
            event.id: record
            for event in events
            if (record := routing_of_present(found.get(event.id), event))
        }
        failed = self.route([event for event in events if event.id not in routed])
        for event in events:
            if event.id in routed:
                failed += self._send(self._refused_messages(event), {event.id: event})
        failed += self._release(list(routed.values()), {event.id: event for event in events})
        return failed

    def _sent_and_held(
        self, event: Event, matched: Sequence[RoutingRule]
    ) -> tuple[list[Message], dict[str, int]]:
        """Returns the messages for the matches of an event, and the pauses that hold it.

        The deliveries of a loop, and of a command whose deadline has passed, end here.

        Returns:
            The messages, and the number of the pause by paused subscription.
        """
        if event.hop_count > MAX_HOPS:
            self._end_loop(event, [first_message(event, each) for each in matched])
            return [], {}
        if is_over(event):
            self._expire(event, [first_message(event, each) for each in matched])
            return [], {}
        held = {each.id: each.pause for each in matched if each.holds(event.created_at)}
        return [first_message(event, each) for each in matched if each.id not in held], held

    def _release(self, routings: Sequence[Routing], events: Mapping[str, Event]) -> list[str]:
        """Sends the events that were held for subscriptions that were resumed meanwhile.

        The replay of a backlog finds the routing records that were written before it read them.
        After a later write, this method sees the resume, and sends the messages.

        Returns:
            The ids of the events that cannot be routed to all that they match.
        """
        held = [routing for routing in routings if routing.held]
        if not held:
            return []
        self.view.refresh()
        messages: list[Message] = []
        released: list[tuple[Routing, list[str]]] = []
        for routing in held:
            rules = [rule for each in routing.held if (rule := self.view.rule(each))]
            owed = {rule.id: rule for rule in rules if rule.owes(routing.held[rule.id])}
            if owed:
                event = events[routing.event_id]
                messages += [first_message(event, each) for each in owed.values()]
                released.append((routing, list(owed)))
        refused = self._send(messages, events)
        for routing, sent in released:
            self.routings.release(routing, sent)
        return refused

    def _project(self, events: Sequence[Event]) -> None:
        """Announces the events of streams to their read models."""
        streams = [each.stream for each in events if each.stream]
        if self.projections and (kept := [each for each in streams if self.view.has_model(each)]):
            self.projections.changed(kept)

    def _send(self, messages: list[Message], events: Mapping[str, Event]) -> list[str]:
        """Sends messages, and returns the ids of the events whose messages SQS refuses."""
        refused = send_recorded(self.lanes, self.deliveries, messages, events)
        return [each.event_id for each in refused]

    def _refused_messages(self, event: Event) -> list[Message]:
        _, deliveries = self.deliveries.of_event(event.id)
        refused = [
            each
            for each in deliveries
            if each.status == "exhausted"
            and each.key.replay_id is None
            and each.last_error
            and each.last_error.code == transitions.MESSAGE_REFUSED
            and of_present(each, event)
        ]
        reopened = [self.dead_letters.reopen(transitions.reopened(each)) for each in refused]
        return [next_message(each) for each in reopened if each]

    def _end_loop(self, event: Event, messages: Sequence[Message]) -> None:
        """Ends the deliveries of an event as dead letters before their first attempt."""
        said = f"more than {MAX_HOPS} events caused each other"
        for each in messages:
            looped = transitions.exhausted(each.first_record(event), "too_many_hops", said)
            self.deliveries.record(looped, 1)
        logger.warning("loop ended", **traces(event), hop_count=event.hop_count)

    def _expire(self, event: Event, messages: Sequence[Message]) -> None:
        """Ends the deliveries of a command whose deadline has passed."""
        for each in messages:
            self.deliveries.record(transitions.expired(each.first_record(event)), 1)

    def _with_views(self, events: Sequence[Event]) -> Iterator[tuple[Event, EventView | None]]:
        # A few at a time: a whole batch of large payloads, parsed, would not fit into the memory.
        for chunk in chunks(list(events), _PAYLOADS_AT_ONCE):
            yield from zip(chunk, self.executor.map(self._view, chunk), strict=True)

    # One event must not block later ones of the table stream: an event that cannot be read or
    # matched is set aside, for whatever reason.

    def _view(self, event: Event) -> EventView | None:
        try:
            payload = json_numbers.loads(self.events.filtered_payload(event))
            return event_view(event.source, payload, event.metadata)
        except Exception:
            logger.exception("payload cannot be read", **traces(event))
            return None

    def _matched(self, event: Event, seen: EventView) -> list[RoutingRule] | None:
        try:
            matched = self.view.matches(event, seen)
            # An event that is routed late does not reach subscriptions that came long after it.
            return [each for each in matched if event.created_at >= each.since]
        except Exception:
            logger.exception("event cannot be matched", **traces(event))
            return None


def _routing(
    event: Event, matched: Sequence[RoutingRule], held: dict[str, int], *, limited: bool
) -> Routing:
    """Returns the routing record of an event."""
    services = {each.id: each.service_id for each in matched}
    return Routing(
        *(event.id, services, times.now(), event.type, event.source, limited, held),
        schema_invalid=event.schema_valid is False,
        handler=_handler(event, matched),
        kept=event.kept,
        stored_at=event.created_at,
    )


def _handler(event: Event, matched: Sequence[RoutingRule]) -> str | None:
    """Returns the subscription that handles an event, if it is a command."""
    if not event.is_command:
        return None
    return next((each.id for each in matched if each.handles), None)
