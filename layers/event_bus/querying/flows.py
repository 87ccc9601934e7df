"""Flows: events that caused each other, with their deliveries."""

from collections.abc import Iterable
from dataclasses import dataclass

from event_bus.access.callers import Caller
from event_bus.querying.event_finder import EventFinder, FoundEvent
from event_bus.stores import listings
from event_bus.stores.listings import Listing
from event_bus.targets.envelope import delivery_trace

MAX_FLOW = 100
"""The largest number of events of a flow; the oldest ones count."""

_EVER = ("0", "~")


@dataclass(frozen=True, slots=True)
class FlowStep:
    """An event of a flow.

    Attributes:
        found: The event, and what became of it.
        cause: The event of the flow that led to it, if one did.
    """

    found: FoundEvent
    cause: str | None


@dataclass(frozen=True, slots=True)
class Flow:
    """Events that belong together.

    Attributes:
        steps: The events, in the order in which they were stored.
        complete: Whether these are all; else they are the first `MAX_FLOW`.
    """

    steps: list[FlowStep]
    complete: bool


@dataclass(frozen=True, slots=True)
class FlowFinder:
    """Finds flows.

    Attributes:
        events: Finds the events.
    """

    events: EventFinder

    def of_event(self, event_id: str, caller: Caller) -> Flow:
        """Returns the flow of an event: the events of its correlation or its trace.

        Raises:
            NotFound: There is no such event, or none that the caller may see.
        """
        event = self.events.get(event_id, caller).event
        # If an event without a correlation id causes another, the other one gets its id as
        # correlation id.
        correlation_id = event.metadata.get("correlation_id", event.id)
        listing = listings.of_correlation(correlation_id)
        if trace_id := event.metadata.get("trace_id"):
            listing += listings.of_trace(trace_id)
        return self._flow(listing, {event.id, correlation_id}, caller)

    def of_correlation(self, correlation_id: str, caller: Caller) -> Flow:
        """Returns the events of a correlation id, and the event with this id."""
        return self._flow(listings.of_correlation(correlation_id), {correlation_id}, caller)

    def of_trace(self, trace_id: str, caller: Caller) -> Flow:
        """Returns the events of a trace id."""
        return self._flow(listings.of_trace(trace_id), set(), caller)

    def _flow(self, listing: Listing, further: set[str], caller: Caller) -> Flow:
        listed = self.events.events.listed(listing, self.events.executor, newest_first=False)
        page = listed.page(_EVER, MAX_FLOW + 1).cut(MAX_FLOW)
        found = self.events.get_many(
            dict.fromkeys([*sorted(further), *(entry.id for entry in page.entries)]), caller
        )
        found.sort(key=lambda each: (each.event.created_at, each.event.id))
        return Flow(_steps(found), complete=page.reached is None)


def _steps(found: Iterable[FoundEvent]) -> list[FlowStep]:
    shown = {each.event.id: each for each in found}
    spans = {
        context.span_id: each.event.id
        for each in shown.values()
        for delivery in each.all_deliveries()
        if (context := delivery_trace(delivery.key, each.event))
    }
    steps = []
    for each in shown.values():
        cause = each.event.metadata.get("causation_id")
        if cause not in shown:
            # A subscriber that published this event while it handled a delivery has continued the
            # trace of the delivery.
            parent = each.event.trace
            cause = spans.get(parent.span_id) if parent else None
        steps.append(FlowStep(each, cause))
    return steps
